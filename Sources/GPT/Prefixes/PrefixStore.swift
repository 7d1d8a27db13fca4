import GPTTensor
import Synchronization

/// Keys and values of the beginnings of prompts, in whole chunks, for prompts that begin alike.
///
/// Pages are shared with the sequences that use them. What is longest unused goes when they take
/// more than the limit; what only this store holds is never more than that.
final class PrefixStore: Sendable {
  /// Sound although unchecked: a state that is stored is never changed, only forked.
  private struct Entry: @unchecked Sendable {
    let tokens: [Int32]
    let state: any PredictorState
    let byteCount: Int
  }

  private let byteLimit: Int
  /// The last used comes last.
  private let entries = Mutex<[Entry]>([])

  init(byteLimit: Int) { self.byteLimit = byteLimit }

  /// A state with the most whole chunks that `prompt` begins with, when they are more than `count`
  /// tokens; at least one token of the prompt is left to be computed.
  func state(beginning prompt: [Int32], longerThan count: Int) -> (any PredictorState)? {
    guard let (entry, known) = entry(beginning: prompt, within: prompt.count - 1), known > count
    else { return nil }
    let fork = entry.state.fork()
    fork.truncate(to: known)
    return fork
  }

  /// The tokens of `prompt` that are known in whole chunks, with their pages.
  func pages(beginning prompt: [Int32]) -> (tokens: [Int32], pages: [AlignedBuffer])? {
    guard let (entry, known) = entry(beginning: prompt, within: prompt.count), known > 0
    else { return nil }
    let fork = entry.state.fork()
    fork.truncate(to: known)
    return (Array(prompt[..<known]), fork.pages)
  }

  /// - Parameters:
  ///   - tokens: whole chunks, with which the state begins
  ///   - state: stays the caller's
  func insert(_ tokens: [Int32], computedBy state: any PredictorState) {
    let copy = state.fork()
    copy.truncate(to: tokens.count)
    let byteCount = copy.pages.reduce(0) { $0 + $1.byteCount }
    guard byteLimit > 0, byteCount <= byteLimit else { return }
    let entry = Entry(tokens: tokens, state: copy, byteCount: byteCount)
    entries.withLock { entries in
      // A longer beginning serves for the shorter ones.
      if entries.contains(where: { $0.tokens.starts(with: tokens) }) { return }
      entries.removeAll { tokens.starts(with: $0.tokens) }
      entries.append(entry)
      var sum = entries.reduce(0) { $0 + $1.byteCount }
      while sum > byteLimit { sum -= entries.removeFirst().byteCount }
    }
  }

  private func entry(beginning prompt: [Int32], within limit: Int) -> (Entry, known: Int)? {
    entries.withLock { entries in
      var best: (index: Int, known: Int)?
      for (index, entry) in entries.enumerated() {
        let common = zip(entry.tokens, prompt.prefix(max(0, limit))).prefix { $0 == $1 }.count
        let known = common / SequenceState.chunkLength * SequenceState.chunkLength
        if known > best?.known ?? 0 { best = (index, known) }
      }
      guard let best else { return nil }
      let entry = entries.remove(at: best.index)
      entries.append(entry)
      return (entry, best.known)
    }
  }
}
