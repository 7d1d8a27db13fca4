/// What of a model is trained, and by what.
package enum FinetuneMethod: Sendable, Equatable, CustomStringConvertible {
  /// A low-rank adapter on a model that stays as it is.
  case lora
  /// The same, learned from preferences.
  case dpo
  case full
  /// The last blocks and the norm behind them.
  case lastBlocks(Int)

  package static let expected = "lora, dpo, full or last-N-blocks, as last-2-blocks"

  /// More blocks than any model has.
  private static let largestBlockCount = 10_000

  package init?(_ name: String) {
    switch name {
    case "lora": self = .lora
    case "dpo": self = .dpo
    case "full": self = .full
    default:
      guard name.hasPrefix("last-"), name.hasSuffix("-blocks"),
        let count = Int(name.dropFirst(5).dropLast(7)),
        (1...Self.largestBlockCount).contains(count),
        name == "last-\(count)-blocks"
      else { return nil }
      self = .lastBlocks(count)
    }
  }

  package var description: String {
    switch self {
    case .lora: "lora"
    case .dpo: "dpo"
    case .full: "full"
    case .lastBlocks(let count): "last-\(count)-blocks"
    }
  }

  package var trainsAdapter: Bool { self == .lora || self == .dpo }
}
