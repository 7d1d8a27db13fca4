import Synchronization

/// A model's answer as it grows; it can be walked once.
public struct ResponseStream: AsyncSequence, Sendable {
  public typealias Element = Snapshot
  public typealias Failure = LanguageModelError

  /// The answer so far.
  public struct Snapshot: Sendable, Equatable {
    public let content: String
    /// What this snapshot adds to the one before.
    public let addition: String
  }

  let turn: ResponseTurn

  /// What the generation came to; nil before its end.
  public var result: Generation? { turn.result }

  public func makeAsyncIterator() -> Iterator { Iterator(turn: turn) }

  public struct Iterator: AsyncIteratorProtocol {
    let turn: ResponseTurn

    public mutating func next() async throws(LanguageModelError) -> Snapshot? {
      try await turn.next()
    }

    public mutating func next(
      isolation actor: isolated (any Actor)?
    ) async throws(LanguageModelError) -> Snapshot? {
      try await turn.next()
    }
  }
}

/// One question and its answer. The last reference to it ends the turn, so that a loop that is left
/// early frees the session.
final class ResponseTurn: Sendable {
  private struct State {
    var stream: TokenStream?
    var content = ""
    var isOver = false
  }

  private let session: LanguageModelSession
  private let prompt: String
  private let options: GenerationOptions
  /// Whether an answer that was stopped in the middle enters the transcript.
  private let keepsPartialAnswer: Bool
  private let state = Mutex(State())

  init(
    session: LanguageModelSession, prompt: String, options: GenerationOptions,
    keepsPartialAnswer: Bool
  ) {
    self.session = session
    self.prompt = prompt
    self.options = options
    self.keepsPartialAnswer = keepsPartialAnswer
  }

  deinit { finish(keeping: keepsPartialAnswer) }

  var result: Generation? { state.withLock { $0.stream }?.result }

  func next() async throws(LanguageModelError) -> ResponseStream.Snapshot? {
    guard let stream = try started() else { return nil }
    do {
      var iterator = stream.makeAsyncIterator()
      while let token = try await iterator.next() {
        guard !token.text.isEmpty else { continue }
        let content = state.withLock { state in
          state.content += token.text
          return state.content
        }
        return ResponseStream.Snapshot(content: content, addition: token.text)
      }
      finish(keeping: true)
      return nil
    } catch {
      finish(keeping: keepsPartialAnswer && error == .cancelled)
      throw error
    }
  }

  private func started() throws(LanguageModelError) -> TokenStream? {
    let (stream, isOver) = state.withLock { ($0.stream, $0.isOver) }
    if stream != nil || isOver { return isOver ? nil : stream }
    try session.begin()
    let new = session.tokens(answering: prompt, options: options)
    state.withLock { $0.stream = new }
    return new
  }

  private func finish(keeping: Bool) {
    let content: String? = state.withLock { state in
      guard state.stream != nil, !state.isOver else { return nil }
      state.isOver = true
      return state.content
    }
    guard let content else { return }
    let isWorthKeeping = keeping && (!content.isEmpty || result != nil)
    session.end(
      isWorthKeeping
        ? [
          Transcript.Entry(role: .user, content: prompt),
          Transcript.Entry(role: .assistant, content: content),
        ] : nil)
  }
}
