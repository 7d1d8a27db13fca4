internal import GPT
internal import GPTJSON

/// `gpt bench --sequences`: several sequences decoded in one pass.
enum BenchSequences {
  static func report(
    _ command: BenchCommand, _ model: LanguageModel, count: Int
  ) async throws -> BenchReport {
    let length = max(1, command.depth)
    let contexts = (0..<count).map { model.spreadTokens(length, from: $0 * length) }
    var rates: [Double] = []
    let repetitions = command.repetitions ?? 3
    for index in 0...repetitions {
      let seconds = try await model.decodeTogether(
        behind: contexts, generateTokens: command.generateTokens
      ).seconds
      let rate = Double(count * command.generateTokens) / seconds
      // The first run makes memory that later ones use again.
      guard index > 0 else { continue }
      StandardError.print("\(index)/\(repetitions): \(rate.rounded(to: 1)) tokens/s together")
      rates.append(rate)
    }
    let peak = try ProcessMemory.peakBytes()
    let limits = command.noLimits ? nil : try BenchLimits(beside: model)
    let share = limits?.decodeShare(
      depth: command.averageDepth, sequenceCount: count, tokensPerSecond: rates.median)
    var members = command.setting(model)
    members += [
      ("sequences", .integer(count)), ("repetitions", .integer(repetitions)),
      ("total_tokens_per_second", .number(rates.median)),
      ("samples", .array(rates.map { .number($0) })), ("peak_bytes", .integer(peak)),
    ]
    if let limits, let share {
      members += [("limits", limits.json), ("decode_share_of_bandwidth", .number(share))]
    }
    let ofMemory = share.map { ", \($0.percent) of reading memory" } ?? ""
    let rows = [
      (
        "\(count) sequences",
        "\(rates.median.rounded(to: 1)) tokens/s together (\(command.decoded) each)\(ofMemory)"
      ),
      ("a sequence", "\((rates.median / Double(count)).rounded(to: 1)) tokens/s"),
      ("peak memory", "\((Double(peak) / 1e6).rounded(to: 1)) MB"),
    ]
    return BenchReport(
      members: members, lines: BenchReport.lines(rows + (limits?.rows ?? [])))
  }
}
