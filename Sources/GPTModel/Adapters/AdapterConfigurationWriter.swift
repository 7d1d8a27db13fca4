import GPTJSON

/// The adapter_config.json that PEFT reads.
///
/// Key names: Hugging Face peft, `LoraConfig`; only keys that versions since 0.8 know, for older
/// ones refuse what they do not.
struct AdapterConfigurationWriter {
  let options: AdapterOptions
  let modules: [JoinedModule]
  /// Every module that could be adapted.
  let all: [AdapterModule]
  let baseName: String?
  /// The family's matrices are Conv1D.
  let isTransposed: Bool

  func object() -> JSONObject {
    let ranks = pattern { $0.rank == options.rank ? nil : .integer($0.rank) }
    let alphas = pattern {
      $0.scale == scale(alpha: options.alpha, rank: $0.rank) ? nil : alpha(of: $0)
    }
    return JSONObject([
      ("alpha_pattern", .object(alphas)), ("auto_mapping", .null),
      ("base_model_name_or_path", baseName.map { .string($0) } ?? .null),
      ("bias", .string("none")), ("fan_in_fan_out", .boolean(isTransposed)),
      ("inference_mode", .boolean(true)), ("init_lora_weights", .boolean(true)),
      ("layers_pattern", .null), ("layers_to_transform", .null),
      ("lora_alpha", number(options.alpha)),
      ("lora_dropout", .number(Double("\(options.dropout)") ?? Double(options.dropout))),
      ("modules_to_save", .null), ("peft_type", .string("LORA")), ("r", .integer(options.rank)),
      ("rank_pattern", .object(ranks)), ("revision", .null),
      ("target_modules", .array(targets.map { .string($0) })), ("task_type", .string("CAUSAL_LM")),
      ("use_dora", .boolean(false)), ("use_rslora", .boolean(options.isRankStabilised)),
    ])
  }

  /// One name for a matrix that is adapted in all blocks, else the name of each module.
  private var targets: [String] {
    let blocks = Dictionary(grouping: all, by: \.shortName).mapValues(\.count)
    return groups.flatMap { short, modules in
      modules.count == blocks[short] ? [short] : modules.map(\.module.name)
    }
  }

  /// The modules by their short names, in the order of the first of each.
  private var groups: [(shortName: String, modules: [JoinedModule])] {
    let byName = Dictionary(grouping: modules, by: \.module.shortName)
    var seen: Set<String> = []
    return modules.map(\.module.shortName).filter { seen.insert($0).inserted }
      .map { ($0, byName[$0] ?? []) }
  }

  /// The values that differ from the general one; one entry where all blocks have the same.
  private func pattern(_ value: (JoinedModule) -> JSONValue?) -> JSONObject {
    var result = JSONObject()
    for (short, modules) in groups {
      let values = modules.map(value)
      guard let first = values.first else { continue }
      if values.allSatisfy({ $0 == first }) {
        result[short] = first
      } else {
        for (module, value) in zip(modules, values) { result[module.module.name] = value }
      }
    }
    return result
  }

  private func scale(alpha: Double, rank: Int) -> Float {
    Float(alpha / divisor(rank))
  }

  /// The alpha that gives a module its scale; where it is that of all, without rounding.
  private func alpha(of module: JoinedModule) -> JSONValue {
    let (own, general) = (divisor(module.rank), divisor(options.rank))
    let exact = options.alpha * own / general
    let isExact = scale(alpha: exact, rank: module.rank) == module.scale
    return number(isExact ? exact : Double(module.scale) * own)
  }

  private func divisor(_ rank: Int) -> Double {
    options.isRankStabilised ? Double(rank).squareRoot() : Double(rank)
  }

  private func number(_ value: Double) -> JSONValue {
    Int(exactly: value).map { .integer($0) } ?? .number(value)
  }
}
