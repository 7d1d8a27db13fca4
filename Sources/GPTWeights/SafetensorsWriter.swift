import GPTJSON
package import GPTTensor

/// Writes a safetensors file under a temporary name and renames it once it is on the disk.
///
/// The bytes depend on the arguments alone. Tensors stand in the given order; spaces after the
/// header put their data on a multiple of eight, as the reference writer does.
/// - Parameters:
///   - tensors: of F32, F16 or BF16.
///   - metadata: what the header tells beside `"format": "pt"`, which transformers demands.
///   - progress: told how many bytes of tensors are written so far; false stops the writing.
/// - Returns: false when `progress` said to stop: then nothing is left behind.
/// - Source: https://github.com/huggingface/safetensors#format
@discardableResult
package func writeSafetensors(
  _ tensors: [TensorToWrite], metadata: [String: String] = [:], to path: String,
  pool: ThreadPool = ThreadPool(threadCount: 1), progress: @escaping (Int) -> Bool = { _ in true }
) throws(WeightsError) -> Bool {
  for tensor in tensors {
    precondition(
      [.f32, .f16, .bf16].contains(tensor.dtype),
      "cannot write '\(tensor.name)' as \(tensor.dtype.rawValue)")
  }
  let file: ReplacedFile
  do throws(FileError) {
    file = try ReplacedFile(path)
    let header = header(of: tensors, metadata: metadata)
    try file.write([UInt64(header.count).littleEndian])
    try file.write(header)
  } catch { throw .file(error) }
  var output = TensorOutput(
    file: file, location: lastComponent(of: path), pool: pool, progress: progress)
  for tensor in tensors {
    guard try output.write(tensor) else { return false }
  }
  do { try file.commit() } catch { throw .file(error) }
  return true
}

/// The name by which messages know a file.
func lastComponent(of path: String) -> String {
  path.split(separator: "/").last.map(String.init) ?? path
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
