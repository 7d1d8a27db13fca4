import GPTTensor

/// Encodes a row of fp32 numbers, `count` of them in whole blocks, at any address.
///
/// Quantised types take finite numbers of at most 65504.
func encodeRow(
  _ values: UnsafePointer<Float>, count: Int, as dtype: DType,
  into target: UnsafeMutableRawPointer
) {
  switch dtype {
  case .f32: target.copyMemory(from: values, byteCount: count * 4)
  case .f16: encodePatterns(values, count, target) { half($0) }
  case .bf16: encodePatterns(values, count, target) { brain($0) }
  case .q8_0: Q8_0.encode(row: values, count: count, into: target)
  case .q4_0: Q4_0.encode(row: values, count: count, into: target)
  case .q4_1: Q4_1.encode(row: values, count: count, into: target)
  case .q5_0: Q5_0.encode(row: values, count: count, into: target)
  case .q5_1: Q5_1.encode(row: values, count: count, into: target)
  case .q4K: Q4_K.encode(row: values, count: count, into: target)
  case .q6K: Q6_K.encode(row: values, count: count, into: target)
  case .q2K, .q3K, .q5K:
    preconditionFailure("no rows are written as \(dtype.rawValue)")
  }
}

@inline(__always)
private func encodePatterns(
  _ values: UnsafePointer<Float>, _ count: Int, _ target: UnsafeMutableRawPointer,
  _ encode: (Float) -> UInt16
) {
  for index in 0..<count {
    target.storeBytes(
      of: encode(values[index]).littleEndian, toByteOffset: index * 2, as: UInt16.self)
  }
}
