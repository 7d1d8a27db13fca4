import Synchronization

/// The tokens of a generation, computed as they are asked for.
///
/// The stream can be walked once: iterators share the one generation. Nothing is computed ahead,
/// so leaving the loop, or cancelling the task that is in it, stops the computation within one
/// token (within 512 tokens of a prompt that is still being read); a cancelled loop throws
/// ``LanguageModelError/cancelled``.
public struct TokenStream: AsyncSequence, Sendable {
  public typealias Element = GeneratedToken
  public typealias Failure = LanguageModelError

  let driver: GenerationDriver

  /// What the generation came to; nil before its end.
  public var result: Generation? { driver.result }

  public func makeAsyncIterator() -> Iterator { Iterator(driver: driver) }

  public struct Iterator: AsyncIteratorProtocol {
    let driver: GenerationDriver

    public mutating func next() async throws(LanguageModelError) -> GeneratedToken? {
      try await driver.next()
    }

    public mutating func next(
      isolation actor: isolated (any Actor)?
    ) async throws(LanguageModelError) -> GeneratedToken? {
      try await driver.next()
    }
  }
}

/// Owns a run and keeps it on its worker.
///
/// Sound although unchecked: `run` and `failure` are touched only on the worker's serial queue.
final class GenerationDriver: @unchecked Sendable {
  typealias Start = @Sendable (Worker) throws(LanguageModelError) -> GenerationRun

  private let worker = Worker()
  private let start: Start
  private var run: GenerationRun?
  private var failure: LanguageModelError?
  private let finished = Mutex<Generation?>(nil)

  init(start: @escaping Start) { self.start = start }

  var result: Generation? { finished.withLock { $0 } }

  func next() async throws(LanguageModelError) -> GeneratedToken? {
    guard !Task.isCancelled else { throw .cancelled }
    return try await worker.run { [self] () throws(LanguageModelError) in try advance() }
  }

  private func advance() throws(LanguageModelError) -> GeneratedToken? {
    if let failure { throw failure }
    if result != nil { return nil }
    do {
      let run: GenerationRun
      if let known = self.run { run = known } else { run = try start(worker) }
      self.run = run
      let token = try run.next()
      // The result is there together with the last token, before the nil that ends the loop.
      if let result = run.result {
        finished.withLock { $0 = result }
        // Its memory is free when whoever waits for the last token goes on.
        self.run = nil
      }
      return token
    } catch {
      failure = error
      throw error
    }
  }
}
