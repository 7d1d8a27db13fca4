import GPTTensor

/// A tensor type as GGUF numbers them, with the size of its blocks.
///
/// Types that `DType` lacks are known by name and size, so that a file holding one can be checked
/// and its other tensors used.
/// - Source: the GGUF specification, `ggml_type`; sizes as in PyPI `gguf` 0.19 `GGML_QUANT_SIZES`
struct GGMLType {
  let stored: StoredType
  let blockLength: Int
  let blockBytes: Int

  init?(number: UInt32) {
    if let dtype = Self.dtype(number: number) {
      stored = .readable(dtype)
      blockLength = dtype.blockLength
      blockBytes = dtype.blockBytes
    } else if let (name, length, bytes) = Self.unsupported(number: number) {
      stored = .unsupported(name)
      blockLength = length
      blockBytes = bytes
    } else {
      return nil
    }
  }

  var name: String {
    switch stored {
    case .readable(let dtype): dtype.rawValue
    case .unsupported(let name): name
    }
  }

  private static func dtype(number: UInt32) -> DType? {
    switch number {
    case 0: .f32
    case 1: .f16
    case 2: .q4_0
    case 3: .q4_1
    case 6: .q5_0
    case 7: .q5_1
    case 8: .q8_0
    case 10: .q2K
    case 11: .q3K
    case 12: .q4K
    case 13: .q5K
    case 14: .q6K
    case 30: .bf16
    default: nil
    }
  }

  /// The number by which files know a type that is read.
  static func number(of dtype: DType) -> UInt32? {
    (0...30).first { Self.dtype(number: $0) == dtype }
  }

  private static func unsupported(number: UInt32) -> (String, Int, Int)? {
    switch number {
    case 9: ("Q8_1", 32, 40)
    case 15: ("Q8_K", 256, 292)
    case 16: ("IQ2_XXS", 256, 66)
    case 17: ("IQ2_XS", 256, 74)
    case 18: ("IQ3_XXS", 256, 98)
    case 19: ("IQ1_S", 256, 50)
    case 20: ("IQ4_NL", 32, 18)
    case 21: ("IQ3_S", 256, 110)
    case 22: ("IQ2_S", 256, 82)
    case 23: ("IQ4_XS", 256, 136)
    case 24: ("I8", 1, 1)
    case 25: ("I16", 1, 2)
    case 26: ("I32", 1, 4)
    case 27: ("I64", 1, 8)
    case 28: ("F64", 1, 8)
    case 29: ("IQ1_M", 256, 56)
    case 34: ("TQ1_0", 256, 54)
    case 35: ("TQ2_0", 256, 66)
    case 39: ("MXFP4", 32, 17)
    case 40: ("NVFP4", 64, 36)
    case 41: ("Q1_0", 128, 18)
    default: nil
    }
  }
}
