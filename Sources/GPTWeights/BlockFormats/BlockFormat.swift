package import GPTTensor

/// A quantised encoding that stores a fixed number of elements of a row together.
///
///     element = scale × (code − zero) + minimum
///
/// The elements of a sub-block share `scale` and `minimum`. A scale has at most 18 significant
/// bits and a code at most 8, so the product is exact in fp32 and the addition rounds once.
/// Layouts are those of ggml; each format's file shows its own, one character a field.
/// - Source: the GGUF specification; PyPI `gguf` (`gguf/quants.py`), bit by bit
package protocol BlockFormat {
  static var dtype: DType { get }
  /// Elements that share one scale.
  static var subBlockLength: Int { get }
  /// What is subtracted from every code.
  static var zero: Int { get }
  static var hasMinimum: Bool { get }
  static var codeBits: Int { get }

  /// Splits one block of `dtype.blockBytes` bytes at any address.
  ///
  /// - Parameters:
  ///   - codes: receives `dtype.blockLength` codes in the order of the elements
  ///   - scales: receives one value a sub-block
  ///   - minimums: receives one value a sub-block; −0, the identity of addition, when the format
  ///     has no minimum
  static func decode(
    block: UnsafeRawPointer, codes: UnsafeMutablePointer<UInt8>,
    scales: UnsafeMutablePointer<Float>, minimums: UnsafeMutablePointer<Float>)

  /// Splits `count` consecutive blocks: one dynamic call for a row instead of one for a block.
  static func decode(
    blocks: UnsafeRawPointer, count: Int, codes: UnsafeMutablePointer<UInt8>,
    scales: UnsafeMutablePointer<Float>, minimums: UnsafeMutablePointer<Float>)
}

extension BlockFormat {
  package static var blockLength: Int { dtype.blockLength }
  package static var blockBytes: Int { dtype.blockBytes }
  package static var subBlockCount: Int { blockLength / subBlockLength }

  package static func decode(
    blocks: UnsafeRawPointer, count: Int, codes: UnsafeMutablePointer<UInt8>,
    scales: UnsafeMutablePointer<Float>, minimums: UnsafeMutablePointer<Float>
  ) {
    let (bytes, length, subBlocks) = (blockBytes, blockLength, subBlockCount)
    for index in 0..<count {
      decode(
        block: blocks + index * bytes, codes: codes + index * length,
        scales: scales + index * subBlocks, minimums: minimums + index * subBlocks)
    }
  }
}

/// How `dtype` encodes its blocks; nil for the plain float types.
package func blockFormat(of dtype: DType) -> (any BlockFormat.Type)? {
  switch dtype {
  case .f32, .f16, .bf16: nil
  case .q8_0: Q8_0.self
  case .q4_0: Q4_0.self
  case .q4_1: Q4_1.self
  case .q5_0: Q5_0.self
  case .q5_1: Q5_1.self
  case .q2K: Q2_K.self
  case .q3K: Q3_K.self
  case .q4K: Q4_K.self
  case .q5K: Q5_K.self
  case .q6K: Q6_K.self
  }
}
