import GPTTensor
import Glibc

/// Opens the safetensors weights of a Hugging Face model folder, in one file or in shards.
package func openSafetensors(folder: String) throws(WeightsError) -> any WeightSource {
  func exists(_ name: String) -> Bool {
    var status = stat()
    return lstat(folder + "/" + name, &status) == 0
  }
  if exists("model.safetensors") {
    return try SafetensorsFile(path: folder + "/model.safetensors")
  }
  if exists(ShardedSafetensors.indexName) { return try ShardedSafetensors(folder: folder) }

  var status = stat()
  guard !folder.utf8.contains(0), stat(folder, &status) == 0 else {
    throw .file(
      .system(path: folder, operation: "open it", code: folder.utf8.contains(0) ? ENOENT : errno))
  }
  guard status.st_mode & S_IFMT == S_IFDIR else {
    throw .notFound(folder: folder, found: "is not a folder", expected: "a model folder")
  }
  let others = ["pytorch_model.bin", "pytorch_model.bin.index.json", "tf_model.h5", "model.gguf"]
  if let other = others.first(where: exists) {
    throw .notFound(
      folder: folder, found: "has \(other) but no model.safetensors",
      expected: "weights in safetensors format (pickles are never opened)")
  }
  throw .notFound(
    folder: folder, found: "has no weights",
    expected: "model.safetensors or \(ShardedSafetensors.indexName)")
}
