internal import ArgumentParser
internal import GPT
internal import GPTModel
internal import GPTTraining

extension FinetuneDataOptions.LossTarget: ExpressibleByArgument {}

extension FinetuneMethod: ExpressibleByArgument {
  init?(argument: String) { self.init(argument) }
}

/// Everything that decides what a run of fine-tuning does.
struct FinetuneArguments: RunArguments {
  static let command = "gpt finetune"

  @Option(
    help: ArgumentHelp(
      "Model folder, .gguf file, or name of a model in the cache (default: as gpt generate).",
      valueName: "path-or-name"))
  var model: String?
  @OptionGroup(title: "Data") var data: FinetuneDataArguments
  @Option(
    help: ArgumentHelp(
      "What is trained: lora (an adapter), dpo (an adapter, from preferences), full, or the last "
        + "blocks, as last-2-blocks (default: lora).", valueName: "method"))
  var method: FinetuneMethod?
  @OptionGroup(title: "Adapter") var adapter: AdapterShapeArguments
  @Option(help: "How strictly dpo keeps to the model as it was (default: 0.1).")
  var dpoBeta: Double?
  @OptionGroup(title: "Distillation") var distillation: DistillationArguments
  @Option(help: "Passes over the examples, in place of --steps and --budget (default: 3).")
  var epochs: Double?
  @Option(
    help: ArgumentHelp(
      "What the samples answer (default: the first examples of the validation set).",
      valueName: "text"))
  var samplePrompt: String?
  @OptionGroup(title: "Training") var training: TrainingArguments

  func validate() throws {
    if let epochs, !(epochs > 0 && epochs <= 1e6) {
      throw ValidationError("--epochs must be above 0 and at most 1000000.")
    }
    if epochs != nil, training.budget != nil {
      throw ValidationError("Give one of --epochs, --steps and --budget.")
    }
    let method = method ?? .lora
    if let dpoBeta {
      guard method == .dpo else { throw ValidationError("--dpo-beta is for --method dpo.") }
      guard dpoBeta > 0, Float(dpoBeta).isFinite else {
        throw ValidationError("--dpo-beta must be above 0 as a 32-bit number.")
      }
    }
    if !method.trainsAdapter, let name = adapter.firstGiven {
      throw ValidationError("--\(name) is for --method lora and dpo.")
    }
    if method == .dpo, distillation.teacher != nil {
      throw ValidationError("--teacher cannot go with --method dpo.")
    }
  }
}

extension FinetuneArguments {
  /// So that the run can be gone on with from anywhere.
  ///
  /// - Parameter choosesModel: whether a model is looked for that was not named
  func withAbsolutePaths(choosesModel: Bool) throws -> FinetuneArguments {
    let absolute = try AbsolutePaths()
    func locate(_ name: String?) throws(LanguageModelError) -> String {
      absolute(try ModelLocator.resolve(name))
    }
    var result = self
    result.model = try model != nil || choosesModel ? locate(model) : nil
    result.data.data = data.data.map { absolute($0) }
    result.data.validation = data.validation.map { absolute($0) }
    result.distillation.teacher = try distillation.teacher.map { try locate($0) }
    return result
  }

  /// Chooses what was left open of the model that is trained.
  mutating func completeModel() {
    let method = method ?? .lora
    self.method = method
    adapter.complete(method)
    if method == .dpo { dpoBeta = dpoBeta ?? 0.1 }
    distillation.complete()
    training.completeDropout(0)
  }

  /// Chooses what else was left open, by model and examples.
  ///
  /// - Parameter rowLength: most tokens of a row
  mutating func complete(
    _ summary: FinetuneSummary, rowLength: Int, configuration: ModelConfiguration
  ) throws(TrainingError) -> StepCost {
    let method = method ?? .lora
    // A pair of answers is two rows.
    let length = method == .dpo ? 2 * rowLength : rowLength
    let operations = configuration.trainingOperationsPerToken(length: rowLength)
    let rows = summary.training.rows
    training.accumulate = training.accumulate ?? 1
    training.batchSize =
      training.batchSize
      ?? FinetuneRecipe.sequenceCount(
        rowCount: rows, rowLength: length, accumulate: training.accumulate ?? 1)
    // Weights that stay need no gradient, which is a third of the work.
    let cost = StepCost(
      length: length, operationsPerToken: method.trainsAdapter ? operations * 2 / 3 : operations)
    let known = try training.stepsPaidFor(cost)
    if known == nil, training.budget == nil { epochs = epochs ?? FinetuneRecipe.epochs }
    let (perStep, overflow) = (training.batchSize ?? 1).multipliedReportingOverflow(
      by: training.accumulate ?? 1)
    training.complete(
      TrainingDefaults(
        FinetuneRecipe(
          method, rowCount: rows, rowsPerStep: overflow ? .max : perStep,
          epochs: epochs ?? FinetuneRecipe.epochs, steps: known)))
    return cost
  }

  /// Parameters that are trained, for the estimate of memory.
  func trainedParameterCount(_ configuration: ModelConfiguration) -> Int {
    let method = method ?? .lora
    var share = configuration
    switch method {
    case .full: return configuration.parameterCount
    case .lastBlocks(let count):
      share.blockCount = max(0, configuration.blockCount - count)
      return configuration.parameterCount - share.parameterCount
    case .lora, .dpo:
      return adapter.options.parameterCount(in: configuration)
    }
  }
}
