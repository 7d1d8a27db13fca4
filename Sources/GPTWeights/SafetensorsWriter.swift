import GPTJSON
package import GPTTensor

/// A tensor on its way into a file, produced row by row so that no copy of it is ever whole.
package struct TensorToWrite {
  package let name: String
  /// F32, F16 or BF16.
  package let dtype: DType
  /// Row-major, outermost dimension first.
  package let shape: [Int]
  /// Writes a row of the tensor seen as a matrix, as many floats as the innermost dimension has.
  package let fill: (_ row: Int, _ destination: UnsafeMutablePointer<Float>) -> Void

  package init(
    name: String, dtype: DType, shape: [Int],
    fill: @escaping (_ row: Int, _ destination: UnsafeMutablePointer<Float>) -> Void
  ) {
    precondition(
      [.f32, .f16, .bf16].contains(dtype), "cannot write '\(name)' as \(dtype.rawValue)")
    self.name = name
    self.dtype = dtype
    self.shape = shape
    self.fill = fill
  }

  var columnCount: Int { shape.last ?? 1 }
  var rowCount: Int { shape.dropLast().reduce(1, *) }
  var byteCount: Int { rowCount * columnCount * dtype.blockBytes }
}

/// Writes a safetensors file under a temporary name and renames it once it is on the disk.
///
/// The bytes depend on the arguments alone. Tensors stand in the given order; spaces after the
/// header put their data on a multiple of eight, as the reference writer does.
/// - Parameter metadata: what the header tells beside `"format": "pt"`, which transformers demands.
/// - Source: https://github.com/huggingface/safetensors#format
package func writeSafetensors(
  _ tensors: [TensorToWrite], metadata: [String: String] = [:], to path: String
) throws(WeightsError) {
  do throws(FileError) {
    let file = try ReplacedFile(path)
    let header = header(of: tensors, metadata: metadata)
    try file.write([UInt64(header.count).littleEndian])
    try file.write(header)
    var output = RowOutput(file: file)
    for tensor in tensors { try output.write(tensor) }
    try output.flush()
    try file.commit()
  } catch {
    throw .file(error)
  }
}

/// The JSON text, padded with spaces to a multiple of eight bytes.
private func header(of tensors: [TensorToWrite], metadata: [String: String]) -> [UInt8] {
  let notes = metadata.merging(["format": "pt"]) { given, _ in given }
    .sorted { $0.key < $1.key }
    .map { ($0.key, JSONValue.string($0.value)) }
  var object = JSONObject([("__metadata__", .object(JSONObject(notes)))])
  var offset = 0
  for tensor in tensors {
    precondition(object[tensor.name] == nil, "two tensors of the name '\(tensor.name)'")
    let end = offset + tensor.byteCount
    object[tensor.name] = .object(
      JSONObject([
        ("dtype", .string(tensor.dtype.rawValue)),
        ("shape", .array(tensor.shape.map { .integer($0) })),
        ("data_offsets", .array([.integer(offset), .integer(end)])),
      ]))
    offset = end
  }
  let text = Array(JSONValue.object(object).encoded().utf8)
  return text + [UInt8](repeating: UInt8(ascii: " "), count: -text.count & 7)
}

/// Gathers encoded rows into writes of about a megabyte.
private struct RowOutput {
  private static let flushBytes = 1 << 20

  let file: ReplacedFile
  private var buffer: [UInt8] = []

  init(file: ReplacedFile) { self.file = file }

  mutating func write(_ tensor: TensorToWrite) throws(FileError) {
    let columns = tensor.columnCount
    let row = AlignedBuffer(byteCount: columns * 4)
    let floats = row.pointer(Float.self)
    for index in 0..<tensor.rowCount {
      tensor.fill(index, floats)
      let values = UnsafeBufferPointer(start: floats, count: columns)
      switch tensor.dtype {
      case .f32: buffer.append(contentsOf: UnsafeRawBufferPointer(values))
      case .f16: append(values) { half($0) }
      default: append(values) { brain($0) }
      }
      if buffer.count >= RowOutput.flushBytes { try flush() }
    }
  }

  private mutating func append(
    _ values: UnsafeBufferPointer<Float>, _ encode: (Float) -> UInt16
  ) {
    withUnsafeTemporaryAllocation(of: UInt16.self, capacity: values.count) { patterns in
      for (index, value) in values.enumerated() { patterns[index] = encode(value).littleEndian }
      buffer.append(contentsOf: UnsafeRawBufferPointer(patterns))
    }
  }

  mutating func flush() throws(FileError) {
    try file.write(buffer)
    buffer.removeAll(keepingCapacity: true)
  }
}
