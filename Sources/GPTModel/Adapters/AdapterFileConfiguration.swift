import GPTJSON
import GPTTensor

/// What an adapter_config.json says, checked.
///
/// Key names and their meaning: Hugging Face peft 0.21, `LoraConfig`.
struct AdapterFileConfiguration {
  static let fileName = "adapter_config.json"
  /// No published adapter has a rank near it.
  private static let rankLimit = 1 << 16
  private static let patternLimit = 1 << 16

  /// The model that the adapter was made for, as its maker named it.
  let baseName: String?
  let rank: Int
  let alpha: Double
  let dropout: Float
  let isRankStabilised: Bool
  private let modules: ModuleSelection
  private let ranks: [(pattern: ModulePattern, value: Int)]
  private let alphas: [(pattern: ModulePattern, value: Double)]

  init(folder: String) throws(ModelError) {
    try self.init(
      FoundModel.readJSON("\(folder)/\(Self.fileName)", location: Self.fileName))
  }

  private init(_ reader: JSONConfiguration) throws(ModelError) {
    try Self.checkMethod(reader)
    try Self.refuseExtensions(reader)
    baseName = try reader.stringValue("base_model_name_or_path")
    rank = try reader.size("r", limit: Self.rankLimit, default: 8)
    alpha = try Self.finite(reader.numberValue("lora_alpha") ?? 8, "lora_alpha", reader)
    let share = try reader.numberValue("lora_dropout") ?? 0
    guard share >= 0, share < 1 else {
      throw reader.problem("lora_dropout", found: "\(share)", expected: "0 or more, below 1")
    }
    dropout = Float(share)
    isRankStabilised = try reader.flag("use_rslora", default: false)
    modules = try ModuleSelection(reader)
    ranks = try Self.patterns("rank_pattern", reader) { inner, key throws(ModelError) in
      let rank = try inner.integerValue(key) ?? 0
      return (1...Self.rankLimit).contains(rank) ? rank : nil
    }
    alphas = try Self.patterns("alpha_pattern", reader) { inner, key throws(ModelError) in
      try inner.numberValue(key).flatMap { $0.isFinite ? $0 : nil }
    }
  }

  /// The rank that the adapter of a module has.
  func rank(of module: String) -> Int {
    ranks.first { $0.pattern.matches(module) }?.value ?? rank
  }

  /// alpha / rank, or alpha / √rank (rsLoRA, Kalajdzievski 2023, arXiv:2312.03732).
  func scale(of module: String) throws(ModelError) -> Float {
    let alpha = alphas.first { $0.pattern.matches(module) }?.value ?? alpha
    let rank = Double(rank(of: module))
    let scale = Float(alpha / (isRankStabilised ? rank.squareRoot() : rank))
    guard scale.isFinite else {
      throw .configuration(
        location: Self.fileName, key: "lora_alpha", found: "\(alpha)",
        expected: "a number that fits into 32 bits")
    }
    return scale
  }

  /// Whether the configuration says that a module is adapted; nil when it does not say.
  func adapts(_ module: AdapterModule) -> Bool? { modules.contains(module) }

  private static func checkMethod(_ reader: JSONConfiguration) throws(ModelError) {
    let method = try reader.stringValue("peft_type")
    guard method == "LORA" else {
      throw reader.problem(
        "peft_type", found: method.map { "'\($0)'" } ?? "missing", expected: "'LORA'")
    }
    if let task = try reader.stringValue("task_type"), task != "CAUSAL_LM" {
      throw reader.problem("task_type", found: "'\(task)'", expected: "'CAUSAL_LM'")
    }
    if let bias = try reader.stringValue("bias"), bias != "none" {
      throw reader.problem(
        "bias", found: "'\(bias)'", expected: "'none' (adapted biases are not supported)")
    }
  }

  /// What makes of an adapter more than y += scale · B · A · x, or changes the base under it.
  private static func refuseExtensions(_ reader: JSONConfiguration) throws(ModelError) {
    for key in [
      "use_dora", "use_qalora", "use_bdlora", "lora_bias", "modules_to_save", "target_parameters",
      "trainable_token_indices", "alora_invocation_tokens", "layer_replication", "arrow_config",
      "kasa_config", "monteclora_config",
    ] {
      guard let value = reader.object[key], !isOff(value) else { continue }
      throw reader.wrong(key, value, "none (only plain LoRA is supported)")
    }
    // The others start from a base that they changed, which is not the base at hand.
    let starts = ["gaussian", "eva", "orthogonal", "mica"]
    guard let start = reader.object["init_lora_weights"]?.string, !starts.contains(start) else {
      return
    }
    throw reader.problem(
      "init_lora_weights", found: "'\(start)'",
      expected: "true, false or one of \(starts.joined(separator: ", ")), which leave the base as "
        + "it is")
  }

  private static func isOff(_ value: JSONValue) -> Bool {
    switch value {
    case .null, .boolean(false): true
    case .array(let list): list.isEmpty
    case .object(let object): object.count == 0
    default: false
    }
  }

  private static func finite(
    _ value: Double, _ key: String, _ reader: JSONConfiguration
  ) throws(ModelError) -> Double {
    guard value.isFinite else {
      throw reader.problem(key, found: "\(value)", expected: "a finite number")
    }
    return value
  }

  /// - Parameter value: nil for one out of range.
  private static func patterns<Value>(
    _ key: String, _ reader: JSONConfiguration,
    _ value: (JSONConfiguration, String) throws(ModelError) -> Value?
  ) throws(ModelError) -> [(pattern: ModulePattern, value: Value)] {
    guard let inner = try reader.objectValue(key) else { return [] }
    guard inner.object.count <= patternLimit else {
      throw reader.problem(
        key, found: "a list of \(inner.object.count)", expected: "at most \(patternLimit)")
    }
    var result: [(pattern: ModulePattern, value: Value)] = []
    for (text, found) in inner.object.members {
      guard let pattern = ModulePattern(text) else {
        throw reader.problem(
          "a key of \(key)", found: "'\(text)'",
          expected: "a module's name, with no more of a regular expression than . and .*")
      }
      guard let value = try value(inner, text) else {
        throw reader.wrong("\(key).\(text.printable())", found, "a number (a rank: 1…\(rankLimit))")
      }
      result.append((pattern, value))
    }
    return result
  }
}
