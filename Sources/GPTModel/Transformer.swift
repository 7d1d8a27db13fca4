package import GPTOps
package import GPTTensor

/// Which positions' logits a pass returns.
package enum LogitsSelection: Sendable { case none, last, all }

/// The decoder: embedding, blocks, final normalisation, output projection.
///
/// Immutable after loading; any number of caches may use it, one pass at a time on its threads.
package final class Transformer: Sendable {
  package let configuration: ModelConfiguration
  package let cacheType: CacheType
  package let context: ComputeContext
  let tokenEmbedding: Embedding
  let positionEmbedding: Embedding?
  let blocks: [Block]
  let outputNorm: Norm
  let output: Linear
  /// Begins with the first token that is generated.
  let largePages: LargePageMove?
  private let frequencies: [Double]
  private let rotaryMagnitude: Double

  init(
    configuration: ModelConfiguration, cacheType: CacheType, context: ComputeContext,
    tokenEmbedding: Embedding, positionEmbedding: Embedding?, blocks: [Block],
    outputNorm: Norm, output: Linear, largePages: LargePageMove? = nil
  ) {
    self.configuration = configuration
    self.cacheType = cacheType
    self.context = context
    self.tokenEmbedding = tokenEmbedding
    self.positionEmbedding = positionEmbedding
    self.blocks = blocks
    self.outputNorm = outputNorm
    self.output = output
    self.largePages = largePages
    if case .rotary(let rotary) = configuration.position {
      frequencies = rotary.frequencies
      rotaryMagnitude = rotary.magnitude
    } else {
      frequencies = []
      rotaryMagnitude = 1
    }
  }

  /// Rows that go through the blocks together. Fixed, so that a prompt is always computed alike.
  package static let batchRows = 512

  /// Rows above which a prompt's activations are not kept for the next one: the tokens that are
  /// generated lay their keys and values there.
  private static let keptRows = 64

  package func makeCache() -> KVCache {
    KVCache(
      layout: configuration.pageLayout(type: cacheType), contextLength: configuration.contextLength)
  }

  /// A cache that holds `tokens`, whose keys and values are in `pages`, all of them full.
  package func makeCache(tokens: [Int32], pages: [AlignedBuffer]) -> KVCache {
    KVCache(
      layout: configuration.pageLayout(type: cacheType),
      contextLength: configuration.contextLength, tokens: tokens, pages: pages)
  }

  /// Runs `tokens` after what the cache holds.
  ///
  /// - Parameter profile: told when each stage ends
  /// - Returns: nothing, `[V]` for the last position, or `[T, V]` row after row.
  /// - Throws: `ModelError.invalidToken`, `ModelError.contextExceeded`; the cache is then unchanged.
  package func forward(
    _ tokens: [Int32], cache: KVCache, logits: LogitsSelection, profile: PassProfile? = nil
  ) throws(ModelError) -> [Float] {
    try check(tokens[...], behind: cache)
    var result: [Float] = []
    var begin = 0
    while begin < tokens.count {
      let end = min(begin + Transformer.batchRows, tokens.count)
      let wanted = logits == .last && end < tokens.count ? .none : logits
      let part = SequencePart(tokens: tokens[begin..<end], cache: cache, logits: wanted)
      let new = run([part], kept: cache.workspace, scratch: cache.scratch, profile: profile)
      if begin == 0 { result = new } else { result += new }
      begin = end
    }
    if tokens.count > Transformer.keptRows { cache.discardWorkspaces() }
    return result
  }

  func check(_ tokens: ArraySlice<Int32>, behind cache: KVCache) throws(ModelError) {
    for token in tokens where token < 0 || Int(token) >= configuration.vocabularySize {
      throw .invalidToken(id: token, vocabularySize: configuration.vocabularySize)
    }
    guard tokens.count <= cache.contextLength - cache.tokenCount else {
      throw .contextExceeded(
        tokenCount: cache.tokenCount + tokens.count, contextLength: cache.contextLength)
    }
  }

  /// Drops the tokens of `range` from the cache and computes the ones behind it anew at their new
  /// positions, which is exact for learned and rotary positions alike.
  package func discard(_ range: Range<Int>, from cache: KVCache) throws(ModelError) {
    let rest = Array(cache.tokens.dropFirst(range.upperBound))
    cache.truncate(to: range.lowerBound)
    _ = try forward(rest, cache: cache, logits: .none)
  }

  /// One pass over the tokens of one or more sequences, behind what their caches hold.
  ///
  /// - Parameters: kept and scratch hold the pass's activations; tokens are of the vocabulary and
  ///   fit into the caches, of which none occurs twice
  /// - Returns: the logits asked for, row after row, sequence after sequence
  func run(
    _ parts: [SequencePart], kept: Workspace, scratch: Workspace, profile: PassProfile? = nil
  ) -> [Float] {
    let mark = kept.mark()
    defer { kept.release(to: mark) }
    let count = parts.reduce(0) { $0 + $1.tokens.count }
    if parts.allSatisfy({ $0.tokens.count == 1 }) { largePages?.begin() }
    var fresh: [AlignedBuffer] = []
    if mark == 0, let memory = kept.reserve(count * configuration.activationBytes) {
      fresh.append(memory)
    }
    let x = kept.tensor(rows: count, columns: configuration.width)
    var rows: [CachedSequence] = []
    for part in parts {
      let first = rows.last?.rows.upperBound ?? 0
      let start = part.cache.tokenCount
      fresh += part.cache.reserve(part.tokens.count)
      rows.append(
        CachedSequence(
          rows: first..<first + part.tokens.count, start: start,
          pages: part.cache.pages.map(\.base)))
    }
    context.makeResident(fresh)
    let positions = rows.flatMap { Array($0.start..<$0.start + $0.rows.count) }
    embed(parts.flatMap(\.tokens)[...], positions: positions, into: x)
    let pass = ForwardPass(
      configuration: configuration, context: context,
      memory: .caches(rows, configuration.pageLayout(type: cacheType)),
      rotary: rotaryTable(positions), kept: kept, insides: kept, scratch: scratch,
      profile: profile)
    profile?.end(.embedding)
    for block in blocks { _ = block.forward(x, pass: pass) }
    for part in parts { part.cache.append(part.tokens) }
    let wanted = zip(parts, rows).flatMap { part, rows in
      switch part.logits {
      case .none: rows.rows.prefix(0)
      case .last: rows.rows.suffix(1)
      case .all: rows.rows
      }
    }
    defer { profile?.end(.output) }
    return project(x, rows: wanted, workspace: kept)
  }

  /// Angles of the positions of a pass's rows; nil with learned positions.
  func rotaryTable(_ positions: [Int]) -> RotaryTable? {
    frequencies.isEmpty
      ? nil : RotaryTable(positions: positions, frequencies: frequencies, scale: rotaryMagnitude)
  }

  /// Rows of the embeddings as they are stored, summed into x `[T, C]`.
  func embed(_ tokens: ArraySlice<Int32>, positions: [Int], into x: Tensor) {
    for (row, token) in tokens.enumerated() {
      tokenEmbedding.copy(row: Int(token), to: x.row(row))
    }
    guard let positionEmbedding else { return }
    withUnsafeTemporaryAllocation(of: Float.self, capacity: x.columns) { position in
      guard let base = position.baseAddress else { return }
      for row in 0..<x.rows {
        positionEmbedding.copy(row: positions[row], to: base)
        let target = x.row(row)
        for index in 0..<x.columns { target[index] += base[index] }
      }
    }
  }

  private func project(_ x: Tensor, rows: [Int], workspace: Workspace) -> [Float] {
    guard !rows.isEmpty else { return [] }
    let chosen = workspace.tensor(rows: rows.count, columns: x.columns)
    for (index, row) in rows.enumerated() {
      chosen.row(index).update(from: x.row(row), count: x.stride)
    }
    outputNorm.rows(chosen, in: context).write(to: chosen, in: context)
    let scores = workspace.tensor(rows: rows.count, columns: configuration.vocabularySize)
    GPTOps.project(RowSource(chosen), [(output, scores)], scratch: workspace, in: context)
    var result: [Float] = []
    result.reserveCapacity(rows.count * configuration.vocabularySize)
    for row in 0..<rows.count {
      result.append(
        contentsOf: UnsafeBufferPointer(
          start: scores.row(row), count: configuration.vocabularySize))
    }
    return result
  }
}

extension ModelConfiguration {
  /// Activations of a token in a pass without a tape: x, and in turn attention's (queries, keys,
  /// values, result) and the MLP's (gate and up).
  fileprivate var activationBytes: Int {
    let queries = Tensor.padded(headCount * headWidth)
    let keys = Tensor.padded(keyValueHeadCount * headWidth)
    let hidden = Tensor.padded(hiddenWidth) * (feedForward == .gatedSilu ? 2 : 1)
    return 4 * (Tensor.padded(width) + max(2 * queries + 2 * keys, hidden))
  }
}
