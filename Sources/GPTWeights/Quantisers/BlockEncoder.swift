package import GPTTensor

/// A block format that is written too.
///
/// The formats of 32 elements follow ggml's reference quantiser bit by bit (as PyPI `gguf` 0.19
/// restates it in `gguf/quants.py`); those of 256 elements search for a smaller squared error.
protocol BlockEncoder: BlockFormat {
  /// Encodes `blockLength` finite numbers of at most 65504 into `blockBytes` bytes at any address.
  static func encode(_ values: UnsafePointer<Float>, into block: UnsafeMutableRawPointer)
}

/// Types in which tensors are written.
package let writableTypes: [DType] = [
  .f32, .f16, .bf16, .q8_0, .q4_0, .q4_1, .q5_0, .q5_1, .q4K, .q6K,
]

extension BlockEncoder {
  static func encode(
    row values: UnsafePointer<Float>, count: Int, into target: UnsafeMutableRawPointer
  ) {
    for block in 0..<count / blockLength {
      encode(values + block * blockLength, into: target + block * blockBytes)
    }
  }
}

/// 1 / `scale`, and 0 where there is no such number: then every code is that of 0.
@inline(__always)
func inverse(of scale: Float) -> Float {
  let result = 1 / scale
  return result.isFinite ? result : 0
}

@inline(__always)
func store(half value: Float, _ block: UnsafeMutableRawPointer, _ offset: Int) {
  block.storeBytes(of: half(value).littleEndian, toByteOffset: offset, as: UInt16.self)
}

/// Element 0–15 of 32 codes go to the low nibbles of 16 bytes, 16–31 to the high ones.
@inline(__always)
func storeNibblePairs(
  _ codes: UnsafePointer<UInt8>, _ block: UnsafeMutableRawPointer, _ offset: Int
) {
  for index in 0..<16 {
    block.storeBytes(
      of: codes[index] & 0x0f | codes[index &+ 16] &<< 4, toByteOffset: offset &+ index,
      as: UInt8.self)
  }
}

/// Bit i of the four bytes is the fifth bit of code i.
@inline(__always)
func storeFifthBits(
  _ codes: UnsafePointer<UInt8>, _ block: UnsafeMutableRawPointer, _ offset: Int
) {
  var bits: UInt32 = 0
  for index in 0..<32 { bits |= UInt32(codes[index] &>> 4 & 1) &<< UInt32(index) }
  block.storeBytes(of: bits.littleEndian, toByteOffset: offset, as: UInt32.self)
}

/// The number of largest magnitude, the first of several; with its sign.
@inline(__always)
func extreme(_ values: UnsafePointer<Float>, count: Int) -> Float {
  var result = values[0]
  for index in 1..<count where values[index].magnitude > result.magnitude {
    result = values[index]
  }
  return result
}

@inline(__always)
func bounds(_ values: UnsafePointer<Float>, count: Int) -> (least: Float, greatest: Float) {
  var (least, greatest) = (values[0], values[0])
  for index in 1..<count {
    if values[index] < least { least = values[index] }
    if values[index] > greatest { greatest = values[index] }
  }
  return (least, greatest)
}

/// `value` without its fraction, in 0…`limit`.
@inline(__always)
func truncatedCode(_ value: Float, limit: Int32) -> UInt8 {
  UInt8(truncatingIfNeeded: max(0, min(limit, Int32(max(-1e9, min(1e9, value))))))
}
