internal import ArgumentParser
internal import GPT
internal import GPTJSON
internal import GPTModel
internal import GPTOps

struct BenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure how fast a model runs.",
    discussion: """
      Reads a prompt of --prompt-tokens tokens, then decodes --generate-tokens tokens one by one \
      after --depth tokens of context, --repetitions times after one run to warm up. The figures \
      are medians. Beside them stands what the machine gives, measured in the same run: how fast \
      memory is read, by one thread and by all, and how fast large matrix products are. Decoding \
      is judged by the bytes of weights, keys and values that it reads, a prompt by the operations \
      of its matrix products.

      --compare NAME=VALUE runs the model as it is (A) and with that change (B) in turns, A B A B, \
      and tells the median of the pairs' ratios B / A: above 1, B is faster. Names: threads, \
      kernels (portable, avx2, avx512, amx), precision, kv-type, low-memory (true, false), model. \
      Given several times, all changes make up B.

      --profile tells where the time of a prompt and of decoding goes, stage by stage. --sequences \
      decodes several sequences in one pass; the rate is that of all of them together.

      With --train it measures training steps of a model with random weights instead: forward, \
      backward, clipping and AdamW, --steps of them after one to warm up. Baby has 6 blocks of \
      width 384, 6 heads and 4,096 tokens; gpt2 is GPT-2 of 124 million parameters. The share of \
      the matrix peak compares useful operations with a large product measured in the same run.

      With --finetune it measures such steps of a new LoRA adapter on all linear layers of --model, \
      which stays as it is stored; the matrix peak is that of bf16, and products with it may be of \
      8-bit integers.

      EXAMPLES:
        gpt bench --model model.gguf --prompt-tokens 512 --generate-tokens 128 --threads 8
        gpt bench --model model.gguf --depth 4096 --json
        gpt bench --compare threads=1
        gpt bench --compare kernels=avx2 --compare kv-type=f32 --repetitions 9
        gpt bench --model a.gguf --compare model=b.gguf
        gpt bench --profile --depth 1024
        gpt bench --sequences 8
        gpt bench --train --configuration gpt2 --sequence-length 1024 --batch-size 2 --json
        gpt bench --finetune --model model.gguf --lora-rank 8 --batch-size 4 --json
      """)

  @OptionGroup(title: "Model") var model: ModelArguments
  @Option(help: "Tokens of the prompt.") var promptTokens = 512
  @Option(help: "Tokens to decode.") var generateTokens = 128
  @Option(help: "Tokens of context before decoding.") var depth = 0
  @Option(help: "How often to measure (default: 3, with --compare 5 pairs).")
  var repetitions: Int?
  @Option(
    help: ArgumentHelp("Measure beside the same with a change.", valueName: "name=value"),
    transform: BenchChange.init(parsing:))
  var compare: [BenchChange] = []
  @Flag(help: "Tell where the time goes, stage by stage.") var profile = false
  @Option(help: "Decode so many sequences together.") var sequences: Int?
  @Flag(help: "Leave the machine's limits out.") var noLimits = false
  @Flag(help: "Measure training instead.") var train = false
  @Flag(help: "Measure fine-tuning of --model instead.") var finetune = false
  @OptionGroup(title: "Training") var training: TrainBenchmarkArguments
  @Flag(help: "Write one JSON object.") var json = false

  func validate() throws {
    for (name, value, range) in [
      ("prompt-tokens", promptTokens, 1...Self.mostTokens),
      ("generate-tokens", generateTokens, 0...Self.mostTokens),
      ("depth", depth, 0...Self.mostTokens),
      ("repetitions", repetitions ?? 1, 1...10_000), ("sequences", sequences ?? 1, 1...512),
    ] where !range.contains(value) {
      throw ValidationError("--\(name) must be \(range.lowerBound) to \(range.upperBound).")
    }
    let modes = [
      ("--train", train), ("--finetune", finetune), ("--compare", !compare.isEmpty),
      ("--profile", profile), ("--sequences", sequences != nil),
    ].filter(\.1).map(\.0)
    if modes.count > 1 {
      throw ValidationError("Give only one of \(modes.joined(separator: ", ")).")
    }
    if generateTokens == 0, sequences != nil {
      throw ValidationError("--generate-tokens must be at least 1 with --sequences.")
    }
    for (index, change) in compare.enumerated()
    where compare[..<index].contains(where: { $0.name == change.name }) {
      throw ValidationError("Give --compare \(change.name)=… only once.")
    }
  }

  /// More than any model's context; sums of a few of them do not overflow.
  private static let mostTokens = 1 << 30

  func run() async throws {
    if train {
      let object = try await training.train(computing: model.computing)
      return try BenchReport(members: object).write(json: json)
    }
    if finetune {
      let object = try await training.finetune(
        try ModelLocator.resolve(model.model), computing: model.computing)
      return try BenchReport(members: object).write(json: json)
    }
    let (opened, loadSeconds) = try await open(model)
    let report: BenchReport
    if !compare.isEmpty {
      report = try await BenchComparison.report(self, opened)
    } else if profile {
      report = try await BenchProfile.report(self, opened)
    } else if let sequences {
      report = try await BenchSequences.report(self, opened, count: sequences)
    } else {
      report = try await BenchInference.report(self, opened, loadSeconds: loadSeconds)
    }
    try report.write(json: json)
  }

  /// The model and the seconds that it took to open.
  func open(
    _ arguments: ModelArguments, kernels: BenchChange.Kernels? = nil
  ) async throws -> (LanguageModel, Double) {
    let clock = ContinuousClock()
    let start = clock.now
    let model = try await arguments.open(kernels: kernels)
    let seconds = (clock.now - start).inSeconds
    StandardError.print("loaded in \(seconds.rounded(to: 2)) s")
    return (model, seconds)
  }

  func measurement(of model: LanguageModel) -> InferenceMeasurement {
    InferenceMeasurement(
      model: model, promptTokens: promptTokens, generateTokens: generateTokens, depth: depth)
  }

  /// What every report begins with.
  func setting(_ model: LanguageModel) -> [(String, JSONValue)] {
    var members: [(String, JSONValue)] = [("model", .string(model.information.path))]
    if let computing = model.transformer?.computing {
      members += [
        ("kernels", .string(computing.level.rawValue)),
        ("threads", .integer(computing.threadCount)),
      ]
    }
    return members + [
      ("prompt_tokens", .integer(promptTokens)), ("generate_tokens", .integer(generateTokens)),
      ("depth", .integer(depth)),
    ]
  }
}
