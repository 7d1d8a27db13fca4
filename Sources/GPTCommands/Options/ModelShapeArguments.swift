internal import ArgumentParser
internal import GPTModel
internal import GPTTraining

extension ModelPreset: ExpressibleByArgument {}
extension ModelShape.Family: ExpressibleByArgument {}

/// The model that is trained.
struct ModelShapeArguments: ParsableArguments {
  @Option(help: "Family of the model (default: llama; gpt2 with --size gpt2).")
  var architecture: ModelShape.Family?

  @Option(
    help: ArgumentHelp(
      "Size of the model (default: by the size of the corpus).",
      discussion: ModelPreset.allCases.map(\.summary).joined(separator: "\n")))
  var size: ModelPreset?

  @Option(help: "Blocks.") var blocks: Int?
  @Option(help: "Heads of attention.") var heads: Int?
  @Option(help: "Heads of keys and values, which query heads share (llama).")
  var keyValueHeads: Int?
  @Option(help: "Width of the model, a multiple of its heads.") var width: Int?
  @Option(help: "Width within the feed-forward part (default: 8/3 of the width, gpt2: 4 times).")
  var hiddenWidth: Int?
  @Option(help: "Tokens that the model sees at once.") var contextLength: Int?
  @Flag(help: "Give the output weights of its own, apart from the embedding's.")
  var untied = false

  func validate() throws {
    for (name, value) in [
      ("blocks", blocks), ("heads", heads), ("key-value-heads", keyValueHeads), ("width", width),
      ("hidden-width", hiddenWidth), ("context-length", contextLength),
    ] {
      if let value, value < 1 { throw ValidationError("--\(name) must be at least 1.") }
    }
  }

  /// The dimensions asked for, the preset's where nothing was said.
  func shape(_ preset: ModelPreset) -> ModelShape {
    var shape = preset.shape(family: architecture)
    shape.blockCount = blocks ?? shape.blockCount
    shape.width = width ?? shape.width
    shape.headCount = heads ?? shape.headCount
    shape.keyValueHeadCount = keyValueHeads
    shape.hiddenWidth = hiddenWidth
    shape.contextLength = contextLength ?? shape.contextLength
    shape.tiedOutput = !untied
    return shape
  }

  /// Says what the run does, so that a resumed one need not choose again.
  mutating func fill(_ preset: ModelPreset, _ shape: ModelShape) {
    size = preset
    architecture = shape.family
    blocks = shape.blockCount
    heads = shape.headCount
    width = shape.width
    contextLength = shape.contextLength
  }
}

extension ModelPreset {
  /// A line of `--help`, with a count that is computed.
  fileprivate var summary: String {
    let shape = shape()
    let vocabulary = typicalVocabularySize
    let count = (try? shape.configuration(vocabularySize: vocabulary).parameterCount) ?? 0
    let name = rawValue + String(repeating: " ", count: 6 - rawValue.count)
    return "\(name)\(shape.blockCount) blocks of width \(shape.width), \(shape.headCount) heads, "
      + "context \(shape.contextLength): \((Double(count) / 1e6).rounded(to: 1)) million "
      + "parameters with a vocabulary of \(vocabulary)"
  }
}
