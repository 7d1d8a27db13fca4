internal import GPT
internal import GPTJSON

/// `gpt bench` without a special mode: a prompt, decoding, start and memory.
enum BenchInference {
  static func report(
    _ command: BenchCommand, _ model: LanguageModel, loadSeconds: Double
  ) async throws -> BenchReport {
    let measurement = command.measurement(of: model)
    let warmUp = try await measurement.run()
    let sinceStart = try ProcessAge.seconds() - warmUp.secondsAfterFirstToken
    var samples: [InferenceMeasurement.Sample] = []
    let repetitions = command.repetitions ?? 3
    for index in 1...repetitions {
      let sample = try await measurement.run()
      StandardError.print("\(index)/\(repetitions): \(sample.summary)")
      samples.append(sample)
    }
    // Before the limits, which need memory of their own.
    let peak = try ProcessMemory.peakBytes()
    let limits = command.noLimits ? nil : try BenchLimits(beside: model)
    let figures = Figures(
      command: command, samples: samples, loadSeconds: loadSeconds,
      newProcessSeconds: sinceStart, peakBytes: peak, limits: limits)
    return BenchReport(
      members: command.setting(model) + figures.members, lines: BenchReport.lines(figures.rows))
  }

  private struct Figures {
    let command: BenchCommand
    let samples: [InferenceMeasurement.Sample]
    let loadSeconds: Double
    let newProcessSeconds: Double
    let peakBytes: Int
    let limits: BenchLimits?

    private var prefill: [Double] { samples.map(\.prefillRate) }
    private var decode: [Double] { samples.map(\.decodeRate) }
    private var firstToken: Double { samples.map(\.firstTokenSeconds).median }
    private var decodes: Bool { command.generateTokens > 0 }

    private var promptShare: Double? {
      limits?.promptShare(tokenCount: command.promptTokens, tokensPerSecond: prefill.median)
    }
    private var decodeShare: Double? {
      guard decodes else { return nil }
      return limits?.decodeShare(depth: command.averageDepth, tokensPerSecond: decode.median)
    }

    var members: [(String, JSONValue)] {
      var members: [(String, JSONValue)] = [
        ("repetitions", .integer(samples.count)),
        ("prefill_tokens_per_second", .number(prefill.median)),
        ("decode_tokens_per_second", decodes ? .number(decode.median) : .null),
        ("load_seconds", .number(loadSeconds)), ("first_token_seconds", .number(firstToken)),
        ("new_process_first_token_seconds", .number(newProcessSeconds)),
        ("peak_bytes", .integer(peakBytes)),
        ("prefill_samples", .array(prefill.map { .number($0) })),
        ("decode_samples", .array(decode.map { .number($0) })),
      ]
      guard let limits else { return members }
      members += [
        ("limits", limits.json),
        ("prefill_share_of_matrix_peak", promptShare.map { .number($0) } ?? .null),
        ("decode_share_of_bandwidth", decodeShare.map { .number($0) } ?? .null),
      ]
      return members
    }

    var rows: [(String, String)] {
      let ofPeak = promptShare.map { ", \($0.percent) of the matrix peak" } ?? ""
      let ofMemory = decodeShare.map { ", \($0.percent) of reading memory" } ?? ""
      let decoding =
        decodes
        ? [("decode", "\(decode.median.rounded(to: 1)) tokens/s (\(command.decoded))\(ofMemory)")]
        : []
      return [
        (
          "prefill",
          "\(prefill.median.rounded(to: 1)) tokens/s (\(command.promptTokens) tokens)\(ofPeak)"
        )
      ] + decoding + [
        ("load", "\(loadSeconds.rounded(to: 3)) s"),
        (
          "first token",
          "\(firstToken.rounded(to: 3)) s, \(newProcessSeconds.rounded(to: 2)) s in a new process"
        ),
        ("peak memory", "\((Double(peakBytes) / 1e6).rounded(to: 1)) MB"),
      ] + (limits?.rows ?? [])
    }
  }
}

extension BenchCommand {
  /// Tokens before the decoded ones, half of which come behind each other.
  var averageDepth: Double { Double(max(1, depth)) + Double(generateTokens - 1) / 2 }

  var decoded: String {
    "\(generateTokens) tokens" + (depth > 0 ? " behind \(depth)" : "")
  }
}
