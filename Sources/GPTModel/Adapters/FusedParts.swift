/// Which adapters stand side by side in the one of GPT-2's fused projection.
///
/// PEFT has one A and one B for query, key and value together. Adapters of the three with an A of
/// their own are the same as one of their summed rank, whose A is theirs stacked and whose B is
/// block-diagonal. A note in the file's metadata, which PEFT does not look at, lets the reader take
/// them apart again, so that training goes on where it stopped.
enum FusedParts {
  private static let key = "gpt.fused_adapters"

  static func metadata(_ targets: [AdapterTarget]) -> [String: String] {
    targets.isEmpty ? [:] : [key: targets.map(\.rawValue).joined(separator: ",")]
  }

  /// In the order of the module's outputs; empty when there is no note for this module.
  static func targets(_ metadata: [String: String], module: AdapterModule) -> [AdapterTarget] {
    guard module.parts.count > 1, let text = metadata[key] else { return [] }
    let targets = text.split(separator: ",", maxSplits: module.parts.count)
      .compactMap { AdapterTarget(rawValue: String($0)) }
    let ordered = module.parts.map(\.target).filter(targets.contains)
    return ordered == targets ? targets : []
  }
}
