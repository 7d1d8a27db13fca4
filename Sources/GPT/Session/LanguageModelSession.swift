import Synchronization

/// A conversation with a model.
///
/// ```swift
/// let session = LanguageModelSession(model: model, instructions: "Answer in one sentence.")
/// let answer = try await session.respond(to: "Why is the sky blue?")
/// print(answer.content)
/// ```
///
/// A session writes one response at a time. Beginnings of the conversation that the model has
/// computed are not computed again.
public final class LanguageModelSession: Sendable {
  /// An answer of the model.
  public struct Response: Sendable, Equatable {
    public let content: String
    public let generation: Generation
  }

  private struct State {
    var transcript: Transcript
    var isResponding = false
  }

  public let model: LanguageModel
  private let chatFormat: String?
  private let state: Mutex<State>
  private let sequence: SharedSequence

  /// - Parameters:
  ///   - instructions: what the model is told before the conversation
  ///   - chatFormat: a known chat format by name, in place of the model's own template
  public convenience init(
    model: LanguageModel, instructions: String? = nil, chatFormat: String? = nil
  ) {
    let entries = instructions.map { [Transcript.Entry(role: .system, content: $0)] } ?? []
    self.init(model: model, transcript: Transcript(entries: entries), chatFormat: chatFormat)
  }

  /// Goes on with an earlier conversation.
  public init(model: LanguageModel, transcript: Transcript, chatFormat: String? = nil) {
    self.model = model
    self.chatFormat = chatFormat
    state = Mutex(State(transcript: transcript))
    sequence = SharedSequence(model)
  }

  public var transcript: Transcript { state.withLock { $0.transcript } }

  public var isResponding: Bool { state.withLock { $0.isResponding } }

  /// The model's answer to `prompt`; both enter the transcript, neither does when this throws.
  public func respond(
    to prompt: String, options: GenerationOptions = GenerationOptions()
  ) async throws(LanguageModelError) -> Response {
    let turn = ResponseTurn(
      session: self, prompt: prompt, options: options, keepsPartialAnswer: false)
    while try await turn.next() != nil {}
    guard let generation = turn.result else { throw .cancelled }
    return Response(content: generation.text, generation: generation)
  }

  /// The model's answer to `prompt` as it grows.
  ///
  /// An answer that is cancelled or left in the middle stays in the transcript as far as it went.
  /// With `options.contextShift` the oldest turns are left out of what the model reads when the
  /// conversation does not fit into its context.
  public func streamResponse(
    to prompt: String, options: GenerationOptions = GenerationOptions()
  ) -> ResponseStream {
    ResponseStream(
      turn: ResponseTurn(
        session: self, prompt: prompt, options: options, keepsPartialAnswer: true))
  }

  /// Begins a turn, or throws when there is one already.
  func begin() throws(LanguageModelError) {
    let isFree = state.withLock { state in
      defer { state.isResponding = true }
      return !state.isResponding
    }
    guard isFree else { throw .sessionBusy }
  }

  /// Ends a turn; nil leaves the transcript as it was.
  func end(_ entries: [Transcript.Entry]?) {
    state.withLock { state in
      state.isResponding = false
      state.transcript.entries += entries ?? []
    }
  }

  func tokens(answering prompt: String, options: GenerationOptions) -> TokenStream {
    var conversation = transcript
    conversation.entries.append(Transcript.Entry(role: .user, content: prompt))
    return model.stream(options, sequence: sequence) {
      [model, chatFormat, conversation] () throws(LanguageModelError) in
      let renderer = try ChatRenderer(model: model, format: chatFormat)
      return try renderer.tokens(of: conversation, options: options)
    }
  }
}
