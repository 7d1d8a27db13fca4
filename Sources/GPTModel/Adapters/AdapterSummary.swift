import GPTWeights

/// What an adapter's files say of it, whatever model it is for.
package struct AdapterSummary: Sendable {
  /// The model that it was made for, as its maker named it.
  package let baseName: String?
  package let rank: Int
  package let alpha: Double
  package let isRankStabilised: Bool
  /// The modules that are adapted: "self_attn.q_proj" and the like, without the blocks' numbers.
  package let moduleNames: [String]
  package let tensorCount: Int
  package let parameterCount: Int
  package let byteCount: Int

  package init(folder: String) throws(ModelError) {
    let (file, source) = try openAdapter(folder)
    baseName = file.baseName
    rank = file.rank
    alpha = file.alpha
    isRankStabilised = file.isRankStabilised
    var names: Set<String> = []
    var (elements, bytes) = (0, 0)
    for name in source.tensorNames {
      guard let tensor = source.tensor(named: name) else { continue }
      elements += tensor.elementCount
      bytes += tensor.bytes.count
      names.insert(Self.moduleName(name))
    }
    moduleNames = names.sorted()
    tensorCount = source.tensorNames.count
    parameterCount = elements
    byteCount = bytes
  }

  /// What follows the block's number, up to LoRA's own part of the name.
  private static func moduleName(_ tensor: String) -> String {
    let components = tensor.split(separator: ".")
    let first = components.lastIndex { Int($0) != nil }.map { $0 + 1 } ?? 0
    let end = components.firstIndex { $0.hasPrefix("lora_") } ?? components.endIndex
    return first < end ? components[first..<end].joined(separator: ".") : tensor
  }
}
