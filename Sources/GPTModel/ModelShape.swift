/// The dimensions of a decoder that is to be trained.
package struct ModelShape: Sendable, Equatable {
  package enum Family: String, Sendable, CaseIterable { case gpt2, llama }

  package var family: Family
  package var blockCount: Int
  package var width: Int
  package var headCount: Int
  /// nil: one for each query head.
  package var keyValueHeadCount: Int?
  /// nil: what the family publishes, 4 C (GPT-2), 8/3 C for the gated form (Shazeer 2020,
  /// arXiv:2002.05202), rounded up to whole tiles of 32.
  package var hiddenWidth: Int?
  package var contextLength: Int
  package var tiedOutput = true

  package init(
    family: Family, blockCount: Int, width: Int, headCount: Int, contextLength: Int
  ) {
    self.family = family
    self.blockCount = blockCount
    self.width = width
    self.headCount = headCount
    self.contextLength = contextLength
  }

  /// - Throws: `ModelError.configuration` that names the first dimension that cannot be.
  package func configuration(
    vocabularySize: Int
  ) throws(ModelError) -> ModelConfiguration {
    try require("vocabulary size", vocabularySize, atMost: ConfigurationLimit.vocabulary)
    try require("blocks", blockCount, atMost: ConfigurationLimit.blocks)
    try require("width", width, atMost: ConfigurationLimit.width)
    try require("heads", headCount, atMost: ConfigurationLimit.heads)
    try require("context length", contextLength, atMost: ConfigurationLimit.context)
    let groups = keyValueHeadCount ?? headCount
    try require("key/value heads", groups, atMost: headCount)
    guard headCount % groups == 0 else {
      throw problem("key/value heads", "\(groups)", "a divisor of the \(headCount) heads")
    }
    guard width % headCount == 0 else {
      throw problem("width", "\(width)", "a multiple of the \(headCount) heads")
    }
    let hidden = hiddenWidth ?? publishedHiddenWidth
    try require("hidden width", hidden, atMost: ConfigurationLimit.width * 16)
    return try configuration(vocabularySize, groups: groups, hidden: hidden)
  }

  private func configuration(
    _ vocabularySize: Int, groups: Int, hidden: Int
  ) throws(ModelError) -> ModelConfiguration {
    let isLlama = family == .llama
    let headWidth = width / headCount
    guard !isLlama || headWidth % 2 == 0 else {
      throw problem("width", "\(headWidth) for each head", "an even number (rotary positions)")
    }
    guard isLlama || groups == headCount else {
      throw problem("key/value heads", "\(groups)", "\(headCount), as gpt2 does not share them")
    }
    return ModelConfiguration(
      architecture: family.rawValue, vocabularySize: vocabularySize, contextLength: contextLength,
      width: width, blockCount: blockCount, headCount: headCount, keyValueHeadCount: groups,
      headWidth: headWidth, hiddenWidth: hidden, normalisation: isLlama ? .rmsNorm : .layerNorm,
      normEpsilon: 1e-5,
      position: isLlama
        ? .rotary(RotaryConfiguration(base: 10_000, width: headWidth)) : .learned,
      feedForward: isLlama ? .gatedSilu : .gelu, queryKeyValueBias: !isLlama,
      attentionOutputBias: !isLlama, feedForwardBias: !isLlama, tiedOutput: tiedOutput)
  }

  private var publishedHiddenWidth: Int {
    switch family {
    case .gpt2: 4 * width
    case .llama: (8 * width / 3 + 31) / 32 * 32
    }
  }

  private func require(_ key: String, _ value: Int, atMost limit: Int) throws(ModelError) {
    guard (1...limit).contains(value) else { throw problem(key, "\(value)", "1…\(limit)") }
  }

  private func problem(_ key: String, _ found: String, _ expected: String) -> ModelError {
    .configuration(location: "model", key: key, found: found, expected: expected)
  }
}

extension ModelConfiguration {
  /// Trained numbers: embeddings, blocks, final norm, and the output when it is its own.
  package var parameterCount: Int {
    let positions = position == .learned ? contextLength * width : 0
    let tables = (tiedOutput ? 1 : 2) * vocabularySize * width
    return tables + positions + blockCount * blockParameterCount + normParameterCount
  }

  /// Trained numbers of a block.
  package var blockParameterCount: Int {
    var count = 2 * normParameterCount + blockMatrixCount
    if queryKeyValueBias { count += (headCount + 2 * keyValueHeadCount) * headWidth }
    if attentionOutputBias { count += width }
    if feedForwardBias { count += hiddenWidth + width }
    return count
  }

  private var normParameterCount: Int { normalisation == .layerNorm ? 2 * width : width }

  /// Numbers in the matrices of a block.
  var blockMatrixCount: Int {
    let heads = 2 * (headCount + keyValueHeadCount) * headWidth
    return width * heads + (feedForward == .gatedSilu ? 3 : 2) * width * hiddenWidth
  }
}
