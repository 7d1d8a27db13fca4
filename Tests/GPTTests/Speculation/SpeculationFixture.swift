import GPT
import GPTModel

/// Tiny models of `Tests/Fixtures/models`, one of which guesses for the other.
enum SpeculationFixture {
  static let folder: String = {
    let parts = #filePath.split(separator: "/").dropLast(3)
    return "/" + parts.joined(separator: "/") + "/Fixtures/models/"
  }()

  /// - Parameter draft: a model that is taken for far cheaper, though it is as large
  static func model(_ name: String, draft: String? = nil) throws -> LanguageModel {
    let opened = try open(name)
    let drafting = try draft.map { try model($0) }
    var information = ModelInformation(path: name, opened: opened)
    if draft != nil { information = information.storing(bytes: information.storedBytes * 100) }
    return LanguageModel(
      information: information, tokenizer: opened.tokenizer,
      predictor: TransformerPredictor(transformer: opened.transformer), stopTokens: [],
      draft: drafting)
  }

  private static func open(_ name: String) throws -> OpenedModel {
    var options = ModelOptions()
    options.threadCount = 1
    return try OpenedModel.open(path: folder + name, options: options)
  }

  static func ids(_ count: Int, seed: Int = 0) -> [Int32] {
    (0..<count).map { Int32(($0 * 37 + seed * 11) % 131) }
  }
}

extension ModelInformation {
  fileprivate func storing(bytes: Int) -> ModelInformation {
    ModelInformation(
      path: path, architecture: architecture, name: name, parameterCount: parameterCount,
      storedTypes: storedTypes, storedBytes: bytes, tokenizer: tokenizer,
      vocabularySize: vocabularySize, contextLength: contextLength, width: width,
      blockCount: blockCount, headCount: headCount, keyValueHeadCount: keyValueHeadCount,
      headWidth: headWidth, hiddenWidth: hiddenWidth, hasChatTemplate: hasChatTemplate,
      contextMemory: contextMemory)
  }
}
