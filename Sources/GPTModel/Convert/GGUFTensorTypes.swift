import GPTTensor

/// In which type each tensor of a GGUF file is written, as llama.cpp's `llama-quantize` chooses.
///
/// - Vectors and position embeddings stay F32: they are small, and llama.cpp adds them as they are.
/// - Below six bits, the matrix that makes the logits (the output, or the token embedding that
///   takes its place) is Q6_K: errors there reach every token.
/// - K types need rows of a multiple of 256 elements: others get Q5_0 for Q4_K and Q8_0 for Q6_K.
///   Rows that are no multiple of 32 either get F16.
///
/// The mixtures that llama.cpp calls Q4_K_M and the like are not made.
struct GGUFTensorTypes {
  /// nil: each matrix keeps its own type, or the nearest that is written.
  let type: DType?
  let tiedOutput: Bool

  /// - Parameter stored: the type in the source.
  func type(of entry: TensorLayout.Entry, stored: DType, isCopied: Bool) -> DType {
    if entry.shape.count == 1 { return .f32 }
    if case .model(.positionEmbedding) = entry.place { return .f32 }
    let columns = entry.shape.last ?? 1
    guard let type else { return isCopied ? stored : Self.written(stored) }
    let makesLogits =
      if case .model(let tensor) = entry.place {
        tensor == .output || tiedOutput && tensor == .tokenEmbedding
      } else { false }
    let isSmall = ![.f32, .f16, .bf16, .q8_0].contains(type)
    return Self.fitting(makesLogits && isSmall ? .q6K : type, columns: columns)
  }

  /// The type itself or, for the three that are only read, one with at least as many bits.
  private static func written(_ type: DType) -> DType {
    switch type {
    case .q2K, .q3K: .q4K
    case .q5K: .q6K
    default: type
    }
  }

  private static func fitting(_ type: DType, columns: Int) -> DType {
    if columns % type.blockLength == 0 { return type }
    let legacy: DType = type == .q4K ? .q5_0 : type == .q6K ? .q8_0 : .f16
    return columns % legacy.blockLength == 0 ? legacy : .f16
  }

  /// The value of `general.file_type` for a file whose matrices are mostly of this type.
  /// - Source: PyPI `gguf` 0.19, `LlamaFileType`; of Q4_K and Q5_K the plain ("small") ones
  static func fileType(_ type: DType) -> UInt32 {
    switch type {
    case .f32: 0
    case .f16: 1
    case .q4_0: 2
    case .q4_1: 3
    case .q8_0: 7
    case .q5_0: 8
    case .q5_1: 9
    case .q2K: 10
    case .q3K: 11
    case .q4K: 14
    case .q5K: 16
    case .q6K: 18
    case .bf16: 32
    }
  }
}
