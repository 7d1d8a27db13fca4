import GPTJSON
import GPTModel
import GPTOps
import GPTTensor
import Testing

/// A tiny checkpoint of `Tests/Fixtures/models` with what transformers computed for it.
struct GoldenModel: CustomTestStringConvertible, Sendable {
  /// The folder that holds `golden.json` and `golden.logits.bin`.
  let name: String
  /// What to open: the folder itself or the GGUF with the same weights.
  let path: String

  static let fixtures: String = {
    let parts = #filePath.split(separator: "/").dropLast(2)
    return "/" + parts.joined(separator: "/") + "/Fixtures/models"
  }()

  /// The model in `models/`.
  static let shipped = fixtures + "/../../../models/austen"

  static let folders = [
    "gpt2", "gpt2-untied", "gpt2-published", "llama", "llama-rope-linear", "llama-rope-llama3",
    "llama-rope-yarn", "mistral", "qwen2",
  ]
  static let files = ["gpt2", "llama", "llama-rope-linear", "llama-rope-llama3", "qwen2"]

  static let all: [GoldenModel] =
    folders.map { GoldenModel(name: $0, path: "\(fixtures)/\($0)") }
    + files.map { GoldenModel(name: $0, path: "\(fixtures)/\($0).gguf") }

  static func folder(_ name: String) -> GoldenModel {
    GoldenModel(name: name, path: "\(fixtures)/\(name)")
  }

  var testDescription: String { path.split(separator: "/").last.map(String.init) ?? name }

  struct Expectation {
    let ids: [Int32]
    let greedy: [Int32]
    let logits: [Float]
    /// Largest less smallest logit.
    let range: Float
  }

  func expectation() throws -> Expectation {
    let base = "\(GoldenModel.fixtures)/\(name)"
    let text = try readSmallFile(path: base + "/golden.json", limit: 1 << 20)
    let json = try text.withUnsafeBytes { try JSONParser.parse($0) }
    func integers(_ key: String) -> [Int32] {
      (json[key]?.array ?? []).compactMap { $0.integer.map(Int32.init) }
    }
    let bytes = try readSmallFile(path: base + "/golden.logits.bin", limit: 1 << 26)
    let logits = bytes.withUnsafeBytes { buffer in
      (0..<buffer.count / 4).map { buffer.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
    }
    let range = (logits.max() ?? 0) - (logits.min() ?? 0)
    return Expectation(
      ids: integers("ids"), greedy: integers("greedy"), logits: logits, range: range)
  }

  func open(
    precision: Precision = .fp32, threads: Int = 1, level: KernelLevel? = nil,
    cacheType: CacheType? = nil
  ) throws -> OpenedModel {
    var options = ModelOptions()
    options.precision = precision
    options.threadCount = threads
    options.kernelLevel = level
    options.cacheType = cacheType
    return try OpenedModel.open(path: path, options: options)
  }
}

/// Infinite when a difference is NaN.
func largestDifference(_ left: [Float], _ right: [Float]) -> Float {
  guard left.count == right.count else { return .infinity }
  return zip(left, right).reduce(0) { worst, pair in
    let difference = abs(pair.0 - pair.1)
    return difference.isNaN ? .infinity : max(worst, difference)
  }
}
