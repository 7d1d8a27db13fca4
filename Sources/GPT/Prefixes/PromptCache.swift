import GPTTensor

/// A file with keys and values of the beginning of a prompt, so that another process need not
/// compute them again.
///
/// Whole chunks of 512 tokens are kept, and results are, bit for bit, those without the file.
public struct PromptCache: Sendable {
  /// What was found when a cache was opened.
  public enum Status: Sendable, Equatable {
    /// There is no file yet.
    case absent
    /// The beginning of prompts that start with this many tokens of the file is known now.
    case usable(tokenCount: Int)
    /// The file is of another model or version, as the text says; saving replaces it.
    case foreign(String)
  }

  /// Tokens that are kept together.
  public static var chunkLength: Int { SequenceState.chunkLength }

  public let path: String
  public let status: Status
  private let model: LanguageModel
  private let file: PrefixFile
  /// The tokens that the file holds.
  private var tokens: [Int32] = []

  /// Reads the file at `path`, which need not be there.
  ///
  /// The whole model is read once more, to tell whether the file is of it.
  ///
  /// - Throws: `LanguageModelError.invalidPromptCache` when the file is damaged or something else
  public init(
    at path: String, for model: LanguageModel
  ) async throws(LanguageModelError) {
    guard let form = model.predictor.storedForm else {
      throw .invalidPromptCache("\(path): the model has no keys and values, expected one that has")
    }
    self.model = model
    self.path = path
    let (file, contents) = try await Worker().run { () throws(LanguageModelError) in
      let file = PrefixFile(identity: try Self.identity(of: model, form), form: form)
      return (file, Folders.exists(path) ? try file.read(path) : nil)
    }
    self.file = file
    switch contents {
    case nil: status = .absent
    case .foreign(let reason): status = .foreign(reason)
    case .prefix(let tokens, let pages):
      try model.check(tokens, below: model.predictor.vocabularySize)
      let count = min(tokens.count, model.predictor.contextLength)
      let whole = count / SequenceState.chunkLength * SequenceState.chunkLength
      self.tokens = tokens
      status = .usable(tokenCount: whole)
      let known = Array(tokens[..<whole])
      guard whole > 0,
        let state = model.predictor.makeState(
          tokens: known, pages: Array(pages.prefix(whole / form.pageTokens)))
      else { break }
      model.prefixes.insert(known, computedBy: state)
    }
  }

  /// Keeps the whole chunks of `prompt` that the model still has.
  ///
  /// The file appears whole or not at all, and is left alone when it holds them already.
  ///
  /// - Returns: how many tokens the file holds of the prompt
  public mutating func save(prompt: [Int32]) async throws(LanguageModelError) -> Int {
    guard let (known, pages) = model.prefixes.pages(beginning: prompt) else { return 0 }
    guard !tokens.starts(with: known) else { return known.count }
    let (file, path) = (file, path)
    try await Worker().run { () throws(LanguageModelError) in
      do throws(FileError) { try file.write(tokens: known, pages: pages, to: path) } catch {
        throw .invalidPromptCache(error.description)
      }
    }
    tokens = known
    return known.count
  }

  private static func identity(
    of model: LanguageModel, _ form: StoredForm
  ) throws(LanguageModelError) -> [UInt8] {
    do {
      return try ModelIdentity.digest(
        path: model.information.path, adapters: model.loadingOptions?.adapters ?? [], form: form)
    } catch { throw .invalidPromptCache(error.description) }
  }
}
