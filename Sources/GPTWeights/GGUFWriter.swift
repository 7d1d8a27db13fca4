package import GPTTensor

/// A metadata value to be written, in every type that GGUF has.
package enum GGUFMetadata: Sendable {
  case uint8(UInt8)
  case int8(Int8)
  case uint16(UInt16)
  case int16(Int16)
  case uint32(UInt32)
  case int32(Int32)
  case uint64(UInt64)
  case int64(Int64)
  case float32(Float)
  case float64(Double)
  case boolean(Bool)
  case string(String)
  /// Texts as bytes, which need not be UTF-8.
  case strings([[UInt8]])
  case int32s([Int32])
  case float32s([Float])
  /// A value as it stands in a file, without the key: type, then what follows it.
  case raw([UInt8])
}

/// Writes a GGUF file of version 3 under a temporary name and renames it once it is on the disk.
///
/// The bytes depend on the arguments alone. Tensors stand in the given order, each on a multiple
/// of 32 bytes, the specification's default alignment.
/// - Parameters:
///   - metadata: keys with their values, in the file's order; `general.alignment` is not among
///     them.
///   - progress: told how many bytes of tensors are written so far; false stops the writing.
/// - Returns: false when `progress` said to stop: then nothing is left behind.
/// - Source: ggml-org/ggml, `docs/gguf.md`
@discardableResult
package func writeGGUF(
  _ tensors: [TensorToWrite], metadata: [(key: String, value: GGUFMetadata)], to path: String,
  pool: ThreadPool = ThreadPool(threadCount: 1), progress: @escaping (Int) -> Bool = { _ in true }
) throws(WeightsError) -> Bool {
  let alignment = GGUFHeader.defaultAlignment
  let header = try header(tensors, metadata, alignment: alignment, file: lastComponent(of: path))
  let file: ReplacedFile
  do throws(FileError) {
    file = try ReplacedFile(path)
    try file.write(header)
  } catch { throw .file(error) }
  var output = TensorOutput(
    file: file, location: lastComponent(of: path), pool: pool, progress: progress)
  for tensor in tensors {
    guard try output.write(tensor) else { return false }
    let padding = [UInt8](repeating: 0, count: -tensor.byteCount & (alignment - 1))
    do { try file.write(padding) } catch { throw .file(error) }
  }
  do { try file.commit() } catch { throw .file(error) }
  return true
}

private func header(
  _ tensors: [TensorToWrite], _ metadata: [(key: String, value: GGUFMetadata)], alignment: Int,
  file: String
) throws(WeightsError) -> [UInt8] {
  var output = GGUFBytes()
  output.bytes += "GGUF".utf8
  output.append(UInt32(3))
  output.append(UInt64(tensors.count))
  output.append(UInt64(metadata.count))
  for (key, value) in metadata {
    output.append(text: Array(key.utf8))
    output.append(value)
  }
  var offset = 0
  for tensor in tensors {
    guard let type = GGMLType.number(of: tensor.dtype),
      tensor.name.utf8.count <= GGUFHeader.maximumTensorNameBytes,
      (1...GGUFHeader.maximumRank).contains(tensor.shape.count)
    else {
      throw .tensor(
        tensor.name, file: file,
        found: "has \(tensor.shape.count) dimensions and a name of \(tensor.name.utf8.count) bytes",
        expected: "1 to \(GGUFHeader.maximumRank) dimensions and at most "
          + "\(GGUFHeader.maximumTensorNameBytes) bytes")
    }
    output.append(text: Array(tensor.name.utf8))
    output.append(UInt32(tensor.shape.count))
    for dimension in tensor.shape.reversed() { output.append(UInt64(dimension)) }
    output.append(type)
    output.append(UInt64(offset))
    offset += (tensor.byteCount + alignment - 1) / alignment * alignment
  }
  output.bytes += [UInt8](repeating: 0, count: -output.bytes.count & (alignment - 1))
  return output.bytes
}

/// Little-endian fields, one after the other.
private struct GGUFBytes {
  var bytes: [UInt8] = []

  mutating func append(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
  }

  mutating func append(text: [UInt8]) {
    append(UInt64(text.count))
    bytes += text
  }

  private mutating func append(_ type: GGUFValueType) { append(type.rawValue) }

  private mutating func append(arrayOf type: GGUFValueType, count: Int) {
    append(GGUFValueType.array)
    append(type)
    append(UInt64(count))
  }

  /// The value's type, then the value.
  mutating func append(_ value: GGUFMetadata) {
    switch value {
    case .uint8(let number): append(.uint8, number)
    case .int8(let number): append(.int8, number)
    case .uint16(let number): append(.uint16, number)
    case .int16(let number): append(.int16, number)
    case .uint32(let number): append(.uint32, number)
    case .int32(let number): append(.int32, number)
    case .uint64(let number): append(.uint64, number)
    case .int64(let number): append(.int64, number)
    case .float32(let number): append(.float32, number.bitPattern)
    case .float64(let number): append(.float64, number.bitPattern)
    case .boolean(let flag): append(.boolean, UInt8(flag ? 1 : 0))
    case .string(let text):
      append(GGUFValueType.string)
      append(text: Array(text.utf8))
    case .strings(let texts):
      append(arrayOf: .string, count: texts.count)
      for text in texts { append(text: text) }
    case .int32s(let numbers):
      append(arrayOf: .int32, count: numbers.count)
      for number in numbers { append(number) }
    case .float32s(let numbers):
      append(arrayOf: .float32, count: numbers.count)
      for number in numbers { append(number.bitPattern) }
    case .raw(let field): bytes += field
    }
  }

  private mutating func append(_ type: GGUFValueType, _ number: some FixedWidthInteger) {
    append(type)
    append(number)
  }
}
