import GPTJSON
package import GPTTensor
import GPTWeights
import Glibc

/// Writes a model folder in the Hugging Face layout: config.json, generation_config.json, the files
/// of the tokenizer, model.safetensors.
///
/// Each file appears whole or not at all, the weights last. Where the folder already holds a model
/// whose configuration or tokenizer differs, that model's weights are removed first. So a process
/// that dies at any point leaves the old model, the new one, or a folder without weights, which
/// nothing opens: never the weights of one model under the configuration of another.
///
/// - Parameters:
///   - values: the tensor to save for a parameter: its value, or its running average.
///   - dtype: F32, BF16 or F16.
///   - tokenizer: whose files are written unchanged; nil: none, and those of the folder stay.
/// - Throws: also when the family's config.json cannot express the configuration.
package func saveModel(
  configuration: ModelConfiguration, parameters: [Parameter], values: (Parameter) -> Tensor,
  dtype: DType, tokenizer: TokenizerCopy?, to folder: String
) throws(ModelError) {
  let tensors = tensorsToWrite(
    configuration: configuration, parameters: parameters, values: values, dtype: dtype)
  var writer = ConfigurationWriter(configuration)
  writer.setStoredType(dtype)
  if let tokenizer {
    writer.beginningOfSequence = tokenizer.beginningOfSequence
    writer.endOfSequence = tokenizer.endOfSequence
  }
  try writer.writeFiles(tokenizer: tokenizer, to: folder)
  do throws(WeightsError) {
    try writeSafetensors(tensors, to: folder + "/model.safetensors")
  } catch { throw .weights(error) }
}

extension ConfigurationWriter {
  /// Writes everything of a model's folder but the weights.
  ///
  /// - Parameter tokenizer: whose files are written unchanged; nil: none, and those of the folder
  ///   stay.
  func writeFiles(tokenizer: TokenizerCopy?, to folder: String) throws(ModelError) {
    var files = tokenizer?.files ?? [:]
    files["config.json"] = text(try object())
    files["generation_config.json"] = text(generationObject())
    do throws(FileError) {
      try replaceFiles(
        files,
        // Tokenizer files of another kind.
        removing: tokenizer == nil ? [] : TokenizerCopy.fileNames.filter { files[$0] == nil },
        invalidating: ["model.safetensors", "model.safetensors.index.json"], in: folder)
    } catch { throw .file(error) }
  }

  mutating func setStoredType(_ dtype: DType) {
    storedType = [.f16: "float16", .bf16: "bfloat16"][dtype] ?? "float32"
  }
}

private func text(_ object: JSONObject) -> [UInt8] {
  Array((JSONValue.object(object).encoded() + "\n").utf8)
}

private func exists(_ path: String) -> Bool {
  var status = stat()
  return lstat(path, &status) == 0
}

/// Writes the files that differ, in the order of their names, and removes those of `stale` that are
/// there; before the first change the files of `weights` go, which belong to the old ones.
func replaceFiles(
  _ files: [String: [UInt8]], removing stale: [String], invalidating weights: [String],
  in folder: String
) throws(FileError) {
  let changed = files.filter { name, contents in
    (try? readSmallFile(path: folder + "/" + name, limit: TokenizerCopy.fileLimit)) != contents
  }
  let stale = stale.filter { exists(folder + "/" + $0) }
  guard !changed.isEmpty || !stale.isEmpty else { return }
  for name in weights + stale {
    let path = folder + "/" + name
    guard unlink(path) == 0 || errno == ENOENT else {
      throw .system(path: path, operation: "remove it", code: errno)
    }
  }
  synchroniseFolder(of: folder + "/")
  for (name, contents) in changed.sorted(by: { $0.key < $1.key }) {
    try ReplacedFile.write(contents, to: folder + "/" + name)
  }
}

/// The model's parameters as the family's checkpoints name, join and turn them.
private func tensorsToWrite(
  configuration: ModelConfiguration, parameters: [Parameter], values: (Parameter) -> Tensor,
  dtype: DType
) -> [TensorToWrite] {
  let family = FolderFamily(architecture: configuration.architecture)
  let layout = TensorLayout(configuration: configuration, names: family.names)
  let byName = Dictionary(parameters.map { ($0.name, $0) }) { first, _ in first }
  return layout.entries.map { entry in
    let parts = entry.parameters.map { name in
      guard let parameter = byName[name] else {
        preconditionFailure("a model without parameter '\(name)' cannot be saved")
      }
      return values(parameter)
    }
    let count = parts.reduce(0) { $0 + $1.rows * $1.columns }
    precondition(
      count == entry.shape.reduce(1, *),
      "'\(entry.name)' has \(count) elements, expected \(entry.shape)")
    return TensorToWrite(name: entry.name, dtype: dtype, shape: entry.shape) { row, target in
      if entry.isTransposed {
        copyColumn(row, of: parts, to: target)
      } else if entry.shape.count == 1 {
        copyVectors(parts, to: target)
      } else {
        target.update(from: parts[0].row(row), count: parts[0].columns)
      }
    }
  }
}

private func copyColumn(_ column: Int, of parts: [Tensor], to target: UnsafeMutablePointer<Float>) {
  var target = target
  for part in parts {
    let source = part.pointer + column
    for output in 0..<part.rows { target[output] = source[output * part.stride] }
    target += part.rows
  }
}

private func copyVectors(_ parts: [Tensor], to target: UnsafeMutablePointer<Float>) {
  var target = target
  for part in parts {
    target.update(from: part.pointer, count: part.columns)
    target += part.columns
  }
}
