/// Scores the continuations of many contexts, several contexts in one pass.
///
/// A pass over the ends of several contexts gives the first token of every continuation; longer
/// continuations go on behind forks of the contexts, again several in one pass.
final class ContinuationScorer {
  /// Tokens of contexts in a pass: enough that unpacking the weights costs little beside them.
  private static let contextRows = 512
  /// Tokens of continuations in a pass, all of whose logits are held.
  private static let continuationRows = LanguageModel.evaluationChunkLength
  /// A common start shorter than this is not worth a pass of its own.
  private static let leastPrefix = 16

  /// A context with those of its continuations that it fits together with.
  private struct Item {
    let request: Int
    var context: [Int32]
    var continuations: [(index: Int, tokens: [Int32])]
    var truncated = 0
  }

  /// The rest of a continuation behind what `state` holds.
  private struct Tail {
    let request: Int
    let index: Int
    let state: any PredictorState
    /// Ends with a token that is only predicted.
    var tokens: [Int32]
  }

  private let predictor: any TokenPredictor
  private let batch: any PredictorBatch
  private let isCancelled: () -> Bool
  private var prefix: [Int32] = []
  private var prefixState: any PredictorState
  private var scores: [[ContinuationScore]] = []

  init(_ predictor: any TokenPredictor, isCancelled: @escaping () -> Bool) {
    self.predictor = predictor
    self.isCancelled = isCancelled
    batch = predictor.makeBatch()
    prefixState = predictor.makeState()
  }

  func scores(
    of requests: [ContinuationRequest], progress: (Int) -> Void
  ) throws(LanguageModelError) -> [[ContinuationScore]] {
    scores = requests.map { request in
      request.continuations.map { continuation in
        ContinuationScore(
          logprob: 0, tokenCount: continuation.count, isGreedy: true, truncatedTokenCount: 0)
      }
    }
    var items: [Item] = []
    for (index, request) in requests.enumerated() { items += try fit(request, index) }
    try computePrefix(of: items)
    var start = 0
    while start < items.count {
      let end = endOfGroup(items, from: start)
      try score(items[start..<end])
      // A request's items stand together: those before the next item's request are done.
      progress(end < items.count ? items[end].request : requests.count)
      start = end
    }
    return scores
  }

  /// A request as one item, or as one for each continuation when its context must be cut to fit.
  private func fit(
    _ request: ContinuationRequest, _ index: Int
  ) throws(LanguageModelError) -> [Item] {
    let limit = predictor.contextLength
    let continuations = request.continuations.enumerated().map { (index: $0, tokens: $1) }
    let longest = request.continuations.map(\.count).max() ?? 0
    guard longest <= limit else {
      throw .promptTooLong(tokenCount: longest, contextLength: limit)
    }
    // The last token of a continuation is predicted, not computed.
    if request.context.count + longest - 1 <= limit {
      return [Item(request: index, context: request.context, continuations: continuations)]
    }
    return continuations.map { continuation in
      let kept = request.context.suffix(limit + 1 - continuation.tokens.count)
      return Item(
        request: index, context: Array(kept), continuations: [continuation],
        truncated: request.context.count - kept.count)
    }
  }

  /// Computes what all whole contexts begin with; at least one token of each is left.
  private func computePrefix(of items: [Item]) throws(LanguageModelError) {
    let contexts = items.filter { $0.truncated == 0 }.map { $0.context.dropLast() }
    guard contexts.count > 1, var common = contexts.first else { return }
    for context in contexts {
      let count = zip(common, context).prefix { $0 == $1 }.count
      common = common.prefix(count)
    }
    guard common.count >= Self.leastPrefix else { return }
    prefix = Array(common)
    for start in stride(from: 0, to: prefix.count, by: Self.contextRows) {
      if isCancelled() { throw .cancelled }
      let end = min(start + Self.contextRows, prefix.count)
      _ = try prefixState.forward(Array(prefix[start..<end]), logits: false)
    }
  }

  /// The tokens of an item's context behind the prefix, and a state to compute them in.
  private func rest(of item: Item) -> (tokens: [Int32], state: any PredictorState) {
    guard !prefix.isEmpty, item.truncated == 0 else {
      return (item.context, predictor.makeState())
    }
    return (Array(item.context[prefix.count...]), prefixState.fork())
  }

  private func endOfGroup(_ items: [Item], from start: Int) -> Int {
    var rows = 0
    var end = start
    while end < items.count {
      let known = items[end].truncated == 0 ? prefix.count : 0
      rows += items[end].context.count - known
      guard end == start || rows <= Self.contextRows else { break }
      end += 1
    }
    return end
  }

  private func score(_ items: ArraySlice<Item>) throws(LanguageModelError) {
    var parts: [PredictorPart] = []
    for item in items {
      if isCancelled() { throw .cancelled }
      var (tokens, state) = rest(of: item)
      // A long context would make a pass of its own too large.
      while tokens.count > Self.contextRows {
        _ = try state.forward(Array(tokens.prefix(Self.contextRows)), logits: false)
        tokens.removeFirst(Self.contextRows)
      }
      parts.append(PredictorPart(state: state, tokens: tokens, wantsAllLogits: false))
    }
    var tails: [Tail] = []
    for ((item, part), row) in zip(zip(items, parts), try batch.forward(parts)) {
      let longer = item.continuations.last { $0.tokens.count > 1 }?.index
      for (index, tokens) in item.continuations {
        try add(tokens[0], row[...], to: item.request, index, truncated: item.truncated)
        guard tokens.count > 1 else { continue }
        let state = index == longer ? part.state : part.state.fork()
        tails.append(Tail(request: item.request, index: index, state: state, tokens: tokens))
      }
    }
    try score(&tails)
  }

  /// Goes on with the continuations until all their tokens are scored.
  private func score(_ tails: inout [Tail]) throws(LanguageModelError) {
    while !tails.isEmpty {
      if isCancelled() { throw .cancelled }
      var parts: [PredictorPart] = []
      var rows = 0
      for tail in tails where rows < Self.continuationRows {
        let count = min(tail.tokens.count - 1, Self.continuationRows - rows)
        parts.append(
          PredictorPart(
            state: tail.state, tokens: Array(tail.tokens.prefix(count)), wantsAllLogits: true))
        rows += count
      }
      let logits = try batch.forward(parts)
      let size = predictor.vocabularySize
      for (place, part) in parts.enumerated() {
        let tail = tails[place]
        for index in part.tokens.indices {
          let row = logits[place][index * size..<(index + 1) * size]
          try add(tail.tokens[index + 1], row, to: tail.request, tail.index, truncated: nil)
        }
        tails[place].tokens.removeFirst(part.tokens.count)
      }
      tails.removeAll { $0.tokens.count < 2 }
    }
  }

  /// Adds a token's score to that of its continuation.
  private func add(
    _ token: Int32, _ row: ArraySlice<Float>, to request: Int, _ index: Int, truncated: Int?
  ) throws(LanguageModelError) {
    let score = try Logprobs.score(of: token, in: row)
    let sum = scores[request][index]
    scores[request][index] = ContinuationScore(
      logprob: sum.logprob + score.logprob, tokenCount: sum.tokenCount,
      isGreedy: sum.isGreedy && score.isGreedy,
      truncatedTokenCount: truncated ?? sum.truncatedTokenCount)
  }
}
