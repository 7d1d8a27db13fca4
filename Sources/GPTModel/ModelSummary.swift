import GPTTensor
import GPTTokenizer
import GPTWeights

/// What `gpt info` tells of a model's files.
package struct ModelSummary: Sendable {
  package struct TypeCount: Sendable {
    package let dtype: String
    package let tensorCount: Int
    package let byteCount: Int
  }

  package let name: String?
  package let parameterCount: Int
  package let dtypes: [TypeCount]
  package let tokenizerSummary: String

  init(checkpoint: Checkpoint, tokenizer: any Tokenizer, name: String?) {
    var counts: [String: (tensors: Int, bytes: Int)] = [:]
    var parameters = 0
    for name in checkpoint.source.tensorNames {
      guard let tensor = checkpoint.source.tensor(named: name) else { continue }
      parameters += tensor.elementCount
      let before = counts[tensor.dtype.rawValue] ?? (0, 0)
      counts[tensor.dtype.rawValue] = (before.tensors + 1, before.bytes + tensor.bytes.count)
    }
    self.name = name
    parameterCount = parameters
    dtypes = counts.map {
      TypeCount(dtype: $0.key, tensorCount: $0.value.tensors, byteCount: $0.value.bytes)
    }.sorted { ($0.byteCount, $0.dtype) > ($1.byteCount, $1.dtype) }
    tokenizerSummary = tokenizer.summary
  }
}
