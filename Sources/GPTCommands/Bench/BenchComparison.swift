internal import GPT
internal import GPTJSON

/// `gpt bench --compare`: two ways to run a model, measured in turns.
enum BenchComparison {
  /// What was measured of both sides, pair by pair.
  private struct Row {
    let name: String
    let title: String
    let a: [Double]
    let b: [Double]

    var ratios: [Double] { zip(a, b).map { $1 / $0 } }

    var json: JSONValue {
      JSONValue(members: [
        ("name", .string(name)), ("ratio", .number(ratios.median)),
        ("lowest", .number(ratios.min() ?? 0)), ("highest", .number(ratios.max() ?? 0)),
        ("a", .number(a.median)), ("b", .number(b.median)), ("a_spread", .number(a.spread)),
        ("b_spread", .number(b.spread)),
      ])
    }

    var cells: [String] {
      [
        title, a.median.rounded(to: 1), b.median.rounded(to: 1), ratios.median.rounded(to: 2),
        "\((ratios.min() ?? 0).rounded(to: 2))–\((ratios.max() ?? 0).rounded(to: 2))",
        "\(a.spread.percent) / \(b.spread.percent)",
      ]
    }
  }

  static func report(_ command: BenchCommand, _ model: LanguageModel) async throws -> BenchReport {
    var arguments = command.model
    for change in command.compare { change.apply(to: &arguments) }
    let kernels = command.compare.compactMap(\.kernels).first
    let (other, _) = try await command.open(arguments, kernels: kernels)
    let sides = [command.measurement(of: model), command.measurement(of: other)]
    for side in sides { _ = try await side.run() }
    var samples: [[InferenceMeasurement.Sample]] = [[], []]
    let pairs = command.repetitions ?? 5
    for pair in 1...pairs {
      for (index, side) in sides.enumerated() {
        let sample = try await side.run()
        StandardError.print("\(pair)/\(pairs) \(index == 0 ? "A" : "B"): \(sample.summary)")
        samples[index].append(sample)
      }
    }
    return report(command, models: (model, other), samples: samples)
  }

  private static func report(
    _ command: BenchCommand, models: (LanguageModel, LanguageModel),
    samples: [[InferenceMeasurement.Sample]]
  ) -> BenchReport {
    var rows = [
      Row(
        name: "prefill_tokens_per_second", title: "prefill, tokens/s",
        a: samples[0].map(\.prefillRate), b: samples[1].map(\.prefillRate))
    ]
    if command.generateTokens > 0 {
      rows.append(
        Row(
          name: "decode_tokens_per_second", title: "decode, tokens/s",
          a: samples[0].map(\.decodeRate), b: samples[1].map(\.decodeRate)))
    }
    let changes = command.compare.map(\.description).joined(separator: " ")
    var table = TextTable()
    table.add(["A as it is, B \(changes)", "A", "B", "B / A", "pairs", "spread A / B"])
    for row in rows { table.add(row.cells) }
    return BenchReport(
      members: [
        ("a", JSONValue(members: command.setting(models.0))),
        ("b", JSONValue(members: command.setting(models.1))),
        (
          "changes",
          JSONValue(members: command.compare.map { ($0.name, JSONValue.string($0.value)) })
        ),
        ("pairs", .integer(samples[0].count)), ("ratios", .array(rows.map(\.json))),
      ], lines: table.lines)
  }
}
