import GPT
import Testing

struct SessionTests {
  private var options: GenerationOptions {
    var options = GenerationOptions.greedy
    options.maximumTokens = 3
    return options
  }

  private func session(_ predictor: FakePredictor? = nil) -> LanguageModelSession {
    LanguageModelSession(
      model: predictor.map { .fake($0) } ?? .alphabet(), instructions: "Be brief.",
      chatFormat: "chatml")
  }

  @Test func answersEnterTheTranscript() async throws {
    let session = session()
    let answer = try await session.respond(to: "Hi", options: options)
    #expect(answer.content.count == 3)
    #expect(
      session.transcript.entries == [
        Transcript.Entry(role: .system, content: "Be brief."),
        Transcript.Entry(role: .user, content: "Hi"),
        Transcript.Entry(role: .assistant, content: answer.content),
      ])
  }

  @Test func snapshotsGrow() async throws {
    var contents: [String] = []
    for try await snapshot in session().streamResponse(to: "Hi", options: options) {
      contents.append(snapshot.content)
    }
    #expect(contents.map(\.count) == [1, 2, 3])
  }

  @Test func leavingAStreamFreesTheSession() async throws {
    let session = session()
    for try await _ in session.streamResponse(to: "Hi", options: options) { break }
    #expect(!session.isResponding)
    #expect(session.transcript.entries.last?.content.count == 1)
    _ = try await session.respond(to: "More", options: options)
  }

  @Test func aSecondAnswerAtOnceIsRefused() async throws {
    let session = session()
    let stream = session.streamResponse(to: "Hi", options: options)
    var iterator = stream.makeAsyncIterator()
    _ = try await iterator.next()
    let error = await #expect(throws: LanguageModelError.self) {
      try await session.respond(to: "Me too", options: options)
    }
    #expect(error == .sessionBusy)
    #expect(session.isResponding)
  }

  @Test func wholeChunksAreUsedAgain() async throws {
    let session = session(FakePredictor { _ in oneHot(65, 258) })
    let question = String(repeating: "x", count: 1200)
    let first = try await session.respond(to: question, options: options)
    let second = try await session.respond(to: "And?", options: options)
    #expect(first.generation.timings.reusedTokenCount == 0)
    #expect(second.generation.timings.reusedTokenCount == 1024)
  }

  @Test func aModelWithoutATemplateIsAnError() async {
    let session = LanguageModelSession(model: .alphabet())
    let error = await #expect(throws: LanguageModelError.self) {
      try await session.respond(to: "Hi")
    }
    #expect(error == .noChatTemplate(model: "fake"))
    #expect(session.transcript.entries.isEmpty)
    #expect(!session.isResponding)
  }
}
