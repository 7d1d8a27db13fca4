internal import ArgumentParser
internal import GPTModel
internal import GPTTraining

/// Everything that decides what a run of pretraining does.
struct PretrainArguments: RunArguments {
  static let command = "gpt pretrain"

  @OptionGroup(title: "Corpus") var corpus: CorpusArguments
  @Option(
    help: ArgumentHelp(
      "Folder for the prepared corpus, to share it between runs (default: corpus/ in the output "
        + "folder).", valueName: "folder"))
  var cache: String?
  @OptionGroup(title: "Model") var shape: ModelShapeArguments
  @OptionGroup(title: "Training") var training: TrainingArguments
}

extension PretrainArguments {
  /// So that the run can be gone on with from anywhere.
  func withAbsolutePaths() throws(CommandError) -> PretrainArguments {
    let absolute = try AbsolutePaths()
    var result = self
    result.corpus.paths = corpus.paths.map { absolute($0) }
    result.cache = cache.map { absolute($0) }
    if let tokenizer = corpus.tokenizer, !["bytes", "characters"].contains(tokenizer) {
      result.corpus.tokenizer = absolute(tokenizer)
    }
    return result
  }

  /// Chooses what was left open, by corpus and model.
  ///
  /// - Returns: the model
  mutating func complete(
    trainingTokens: Int, vocabularySize: Int
  ) throws(TrainingError) -> ModelConfiguration {
    let preset = shape.size ?? Recipe.preset(trainingTokens: trainingTokens)
    let modelShape = shape.shape(preset)
    let configuration: ModelConfiguration
    do { configuration = try modelShape.configuration(vocabularySize: vocabularySize) } catch {
      throw .model(error)
    }
    shape.fill(preset, modelShape)
    try training.complete(configuration, preset: preset, trainingTokens: trainingTokens)
    return configuration
  }
}
