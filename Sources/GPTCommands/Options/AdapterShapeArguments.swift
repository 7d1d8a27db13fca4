internal import ArgumentParser
internal import GPTModel
internal import GPTTraining

/// The low-rank adapter that is trained.
struct AdapterShapeArguments: ParsableArguments {
  @Option(help: "Rank of the adapter's matrices (default: 8).") var loraRank: Int?
  @Option(help: "What the adapter adds is scaled by this over the rank (default: 16).")
  var loraAlpha: Double?
  @Option(help: "Share of the adapter's input left out in training (default: 0).")
  var loraDropout: Double?
  @Option(
    help: ArgumentHelp(
      "Matrices that get an adapter: all, attention, feed-forward, or some of q,k,v,o,gate,up,down "
        + "(default: all).", valueName: "names"))
  var loraTargets: AdapterTargets?
  @Flag(help: "Scale by --lora-alpha over the rank's square root, which suits high ranks.")
  var rslora = false

  /// Far beyond any published adapter.
  private static let largestRank = 1 << 14

  func validate() throws {
    if let loraRank, !(1...Self.largestRank).contains(loraRank) {
      throw ValidationError("--lora-rank must be 1 to \(Self.largestRank).")
    }
    if let loraAlpha, !(loraAlpha > 0 && Float(loraAlpha) > 0 && Float(loraAlpha).isFinite) {
      throw ValidationError("--lora-alpha must be above 0 as a 32-bit number.")
    }
    // As the number it is computed with: the float next to 0.99999999 is 1.
    if let loraDropout, !(loraDropout >= 0 && Float(loraDropout) < 1) {
      throw ValidationError("--lora-dropout must be at least 0 and below 1 as a 32-bit number.")
    }
  }

  /// The first of these options that was given.
  var firstGiven: String? {
    if loraRank != nil { return "lora-rank" }
    if loraAlpha != nil { return "lora-alpha" }
    if loraDropout != nil { return "lora-dropout" }
    if loraTargets != nil { return "lora-targets" }
    return rslora ? "rslora" : nil
  }

  mutating func complete(_ method: FinetuneMethod) {
    guard method.trainsAdapter else { return }
    let usual = AdapterOptions()
    loraRank = loraRank ?? usual.rank
    loraAlpha = loraAlpha ?? usual.alpha
    loraDropout = loraDropout ?? Double(usual.dropout)
    loraTargets = loraTargets ?? AdapterTargets(usual.targets)
  }

  var options: AdapterOptions {
    var options = AdapterOptions()
    if let loraRank { options.rank = loraRank }
    if let loraAlpha { options.alpha = loraAlpha }
    if let loraDropout { options.dropout = Float(loraDropout) }
    if let loraTargets { options.targets = loraTargets.set }
    options.isRankStabilised = rslora
    return options
  }
}

/// Matrices by short names, as papers on LoRA have them, or by those of our parameters.
struct AdapterTargets: ExpressibleByArgument, CustomStringConvertible, Equatable {
  let set: Set<AdapterTarget>

  init(_ set: Set<AdapterTarget>) { self.set = set }

  init?(argument: String) {
    var set: Set<AdapterTarget> = []
    for name in argument.split(separator: ",", omittingEmptySubsequences: false) {
      guard let targets = Self.targets(named: String(name)) else { return nil }
      set.formUnion(targets)
    }
    self.init(set)
  }

  private static func targets(named name: String) -> [AdapterTarget]? {
    switch name {
    case "all": AdapterTarget.allCases
    case "attention": [.query, .key, .value, .attentionOutput]
    case "feed-forward": [.gate, .up, .down]
    default:
      AdapterTarget.allCases.first { $0.shortName == name || $0.rawValue == name }.map { [$0] }
    }
  }

  var description: String {
    if set.count == AdapterTarget.allCases.count { return "all" }
    return AdapterTarget.allCases.filter(set.contains).map(\.shortName).joined(separator: ",")
  }
}

extension AdapterTarget {
  fileprivate var shortName: String {
    switch self {
    case .query: "q"
    case .key: "k"
    case .value: "v"
    case .attentionOutput: "o"
    case .gate, .up, .down: rawValue
    }
  }
}
