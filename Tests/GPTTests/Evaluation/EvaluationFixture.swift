import Foundation
import GPT
import GPTJSON

/// What lm-evaluation-harness, transformers and scipy computed (`tools/golden_evaluation.py`).
enum EvaluationFixture {
  private static let fixtures: String = {
    let parts = #filePath.split(separator: "/").dropLast(3)
    return "/" + parts.joined(separator: "/") + "/Fixtures"
  }()

  static let models = ["gpt2", "llama", "qwen2"]

  static func golden() throws -> JSONValue {
    let path = fixtures + "/evaluation/golden.json"
    return try JSONParser.parse(String(contentsOfFile: path, encoding: .utf8))
  }

  static func model(_ name: String, contextLength: Int? = nil) async throws -> LanguageModel {
    var options = LanguageModel.LoadingOptions()
    options.precision = .fp32
    options.threadCount = 1
    options.contextLength = contextLength
    return try await LanguageModel(at: "\(fixtures)/models/\(name)", options: options)
  }
}
