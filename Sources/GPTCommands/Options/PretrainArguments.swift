internal import ArgumentParser
internal import GPTJSON
internal import GPTModel
internal import GPTTraining

/// Everything that decides what a run does; `run.json` holds it filled in.
struct PretrainArguments: ParsableArguments {
  @OptionGroup(title: "Corpus") var corpus: CorpusArguments
  @Option(
    help: ArgumentHelp(
      "Folder for the prepared corpus, to share it between runs (default: corpus/ in the output "
        + "folder).", valueName: "folder"))
  var cache: String?
  @OptionGroup(title: "Model") var shape: ModelShapeArguments
  @OptionGroup(title: "Training") var training: TrainingArguments

  /// What may change when a run is gone on with: no weight depends on it.
  static let changeable: Set = ["threads", "keep", "log-every", "sample-every", "save-type"]
}

extension PretrainArguments {
  /// The arguments that a run was started with, with the changes that `given` asks for.
  ///
  /// - Parameter location: of run.json, for messages
  static func resumed(
    _ manifest: RunManifest, given: PretrainArguments, location: String
  ) throws -> PretrainArguments {
    let defaults = OptionValues.of(try PretrainArguments.parse([]))
    var asked = manifest
    var options = manifest.options
    for (name, value) in OptionValues.of(given).members where value != defaults[name] {
      if changeable.contains(name) { options[name] = value } else { asked.options[name] = value }
    }
    try manifest.check(equals: asked, location: location)
    do {
      return try PretrainArguments.parse(OptionValues.arguments(options))
    } catch {
      throw TrainingError.invalid(
        location: location, found: PretrainArguments.message(for: error),
        expected: "options of gpt pretrain")
    }
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
