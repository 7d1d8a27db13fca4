internal import GPTModel
internal import GPTTraining

/// A model as a method trains it, and as it is saved.
struct FinetuneModel {
  /// What the trainer drives.
  let trained: any TrainableModel
  /// The decoder in it.
  let inner: TrainingModel
  let saved: any SavedModel

  init(
    _ arguments: FinetuneArguments, base: FinetuneBase, teacher: FinetuneBase?
  ) throws(TrainingError) {
    do throws(ModelError) {
      let training = arguments.training
      let method = arguments.method ?? .lora
      if method.trainsAdapter {
        (inner, saved) = try Self.adapter(arguments, base)
      } else {
        (inner, saved) = try Self.whole(arguments, base, method)
      }
      if method == .dpo {
        trained = PreferenceModel(inner, beta: Float(arguments.dpoBeta ?? 0.1))
      } else if let teacher {
        let options = arguments.distillation
        trained = try DistillationModel(
          student: inner, tokenizer: base.source.tokenizer,
          teacher: try OpenedModel.open(teacher.source, options: training.opening),
          location: teacher.path, temperature: Float(options.distillationTemperature ?? 2),
          weight: Float(options.distillationWeight ?? 0.5))
      } else {
        trained = inner
      }
    } catch { throw .model(error) }
  }

  private static func adapter(
    _ arguments: FinetuneArguments, _ base: FinetuneBase
  ) throws(ModelError) -> (TrainingModel, any SavedModel) {
    let opened = try OpenedModel.open(base.source, options: arguments.training.opening)
    let adapter = Adapter(
      options: arguments.adapter.options, configuration: opened.configuration,
      seed: arguments.training.seed ?? TrainingArguments.defaultSeed)
    guard !adapter.layers.isEmpty else {
      throw .configuration(
        location: base.path, key: "what --lora-targets names",
        found: "not in the model", expected: "matrices that it has")
    }
    let model = TrainingModel(
      adapting: opened, adapter: adapter, options: arguments.training.modelOptions)
    return (model, SavedAdapter(adapter, opened.configuration, baseName: base.path))
  }

  private static func whole(
    _ arguments: FinetuneArguments, _ base: FinetuneBase, _ method: FinetuneMethod
  ) throws(ModelError) -> (TrainingModel, any SavedModel) {
    var part = TrainablePart.all
    if case .lastBlocks(let count) = method { part = .lastBlocks(count) }
    let model = try TrainingModel(
      loading: base.source, trainable: part, options: arguments.training.modelOptions,
      context: try arguments.training.makeContext(for: base.source.configuration))
    // A GGUF's configuration and tokenizer become those of a folder.
    let files = try SourceModel.open(path: base.path)
    let saved = WholeModel(
      try files.folderConfiguration(), model.modelParameters,
      tokenizer: try files.folderTokenizer())
    return (model, saved)
  }
}
