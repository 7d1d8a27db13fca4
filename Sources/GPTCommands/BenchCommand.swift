internal import ArgumentParser
internal import GPT
internal import GPTJSON

struct BenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure how fast a model runs.",
    discussion: """
      Reads a prompt of --prompt-tokens tokens, then decodes --generate-tokens tokens one by one \
      after --depth tokens of context, --repetitions times after one run to warm up. The figures \
      are medians.

      With --train it measures training steps of a model with random weights instead: forward, \
      backward, clipping and AdamW, --steps of them after one to warm up. Baby has 6 blocks of \
      width 384, 6 heads and 4,096 tokens; gpt2 is GPT-2 of 124 million parameters. The share of \
      the matrix peak compares useful operations with a large product measured in the same run.

      With --finetune it measures such steps of a new LoRA adapter on all linear layers of --model, \
      which stays as it is stored.

      EXAMPLES:
        gpt bench --model model.gguf --prompt-tokens 512 --generate-tokens 128 --threads 8
        gpt bench --model model.gguf --depth 4096 --json
        gpt bench --train --configuration gpt2 --sequence-length 1024 --batch-size 2 --json
        gpt bench --finetune --model model.gguf --lora-rank 8 --batch-size 4 --json
      """)

  @OptionGroup(title: "Model") var model: ModelArguments
  @Option(help: "Tokens of the prompt.") var promptTokens = 512
  @Option(help: "Tokens to decode.") var generateTokens = 128
  @Option(help: "Tokens of context before decoding.") var depth = 0
  @Option(help: "How often to measure.") var repetitions = 3
  @Flag(help: "Measure training instead.") var train = false
  @Flag(help: "Measure fine-tuning of --model instead.") var finetune = false
  @OptionGroup(title: "Training") var training: TrainBenchmarkArguments
  @Flag(help: "Write one JSON object.") var json = false

  func validate() throws {
    if promptTokens < 1 { throw ValidationError("--prompt-tokens must be at least 1.") }
    if generateTokens < 0 { throw ValidationError("--generate-tokens must be at least 0.") }
    if depth < 0 { throw ValidationError("--depth must be at least 0.") }
    if train, finetune { throw ValidationError("Give either --train or --finetune.") }
    if repetitions < 1 { throw ValidationError("--repetitions must be at least 1.") }
  }

  func run() async throws {
    if train {
      let object = try await training.train(computing: model.computing)
      return try TrainBenchmarkArguments.report(object, json: json)
    }
    if finetune {
      let object = try await training.finetune(
        try ModelLocator.resolve(model.model), computing: model.computing)
      return try TrainBenchmarkArguments.report(object, json: json)
    }
    let clock = ContinuousClock()
    let start = clock.now
    let model = try await model.open()
    let loadSeconds = (clock.now - start).inSeconds
    StandardError.print("loaded in \(loadSeconds.rounded(to: 2)) s")
    let measurement = Measurement(
      model: model, promptTokens: promptTokens, generateTokens: generateTokens, depth: depth)
    _ = try await measurement.run()
    var samples: [Measurement.Sample] = []
    for index in 1...repetitions {
      let sample = try await measurement.run()
      StandardError.print(
        "\(index)/\(repetitions): prefill \(sample.prefillRate.rounded(to: 1)) tokens/s, "
          + "decode \(sample.decodeRate.rounded(to: 1)) tokens/s")
      samples.append(sample)
    }
    try report(samples, loadSeconds: loadSeconds, model: model)
  }

  private func report(
    _ samples: [Measurement.Sample], loadSeconds: Double, model: LanguageModel
  ) throws {
    let prefill = samples.map(\.prefillRate)
    let decode = samples.map(\.decodeRate)
    let first = samples.map(\.firstTokenSeconds).median
    let peak = try ProcessMemory.peakBytes()
    guard json else {
      for (name, value) in [
        ("prefill", "\(prefill.median.rounded(to: 1)) tokens/s (\(promptTokens) tokens)"),
        ("decode", "\(decode.median.rounded(to: 1)) tokens/s (\(generateTokens) tokens)"),
        ("load", "\(loadSeconds.rounded(to: 3)) s"), ("first token", "\(first.rounded(to: 3)) s"),
        ("peak memory", "\((Double(peak) / 1e6).rounded(to: 1)) MB"),
      ] {
        let padding = String(repeating: " ", count: 14 - name.count)
        try StandardOutput.shared.writeLine(name + padding + value)
      }
      return
    }
    let object = JSONValue(members: [
      ("model", .string(model.information.path)),
      ("prompt_tokens", .integer(promptTokens)), ("generate_tokens", .integer(generateTokens)),
      ("depth", .integer(depth)), ("repetitions", .integer(repetitions)),
      ("prefill_tokens_per_second", .number(prefill.median)),
      ("decode_tokens_per_second", generateTokens > 0 ? .number(decode.median) : .null),
      ("load_seconds", .number(loadSeconds)), ("first_token_seconds", .number(first)),
      ("peak_bytes", .integer(peak)),
      ("prefill_samples", .array(prefill.map { .number($0) })),
      ("decode_samples", .array(decode.map { .number($0) })),
    ])
    try StandardOutput.shared.writeLine(object.encoded())
  }
}

/// One prefill and one decoding, measured.
struct Measurement {
  struct Sample {
    var prefillRate: Double
    var firstTokenSeconds: Double
    var decodeRate: Double
  }

  let model: LanguageModel
  let promptTokens: Int
  let generateTokens: Int
  let depth: Int

  func run() async throws -> Sample {
    var options = GenerationOptions.greedy
    options.ignoreEndOfSequence = true
    options.includeSpecialTokens = true
    options.reusesPrefixes = false
    options.maximumTokens = 1
    let clock = ContinuousClock()
    let start = clock.now
    let prefill = try await model.generate(promptTokens: tokens(promptTokens), options: options)
    let firstTokenSeconds = (clock.now - start).inSeconds
    var decodeRate = 0.0
    if generateTokens > 0 {
      // The first token comes out of the prompt's last logits and costs no step of its own.
      options.maximumTokens = generateTokens + 1
      let decode = try await model.generate(
        promptTokens: tokens(max(1, depth)), options: options)
      guard decode.timings.decodedTokenCount == generateTokens else {
        throw CommandError.invalid(
          location: "bench", found: "room for \(decode.timings.decodedTokenCount) tokens",
          expected: "\(generateTokens) after \(depth) within the model's context")
      }
      decodeRate = decode.timings.decodeTokensPerSecond
    }
    return Sample(
      prefillRate: prefill.timings.promptTokensPerSecond, firstTokenSeconds: firstTokenSeconds,
      decodeRate: decodeRate)
  }

  /// Ids spread over the vocabulary, the same in every run (Knuth's multiplicative hash).
  private func tokens(_ count: Int) -> [Int32] {
    let size = UInt64(model.information.vocabularySize)
    return (0..<UInt64(count)).map { Int32($0 &* 2_654_435_761 % size) }
  }
}

extension Duration {
  var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}

extension [Double] {
  var median: Double {
    let sorted = sorted()
    guard !sorted.isEmpty else { return 0 }
    return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2
  }
}
