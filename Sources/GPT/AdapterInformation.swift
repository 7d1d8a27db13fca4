internal import GPTModel

/// What a LoRA adapter is, as its files say.
public struct AdapterInformation: Sendable, Equatable {
  public let path: String
  /// The model that the adapter was made for, as its maker named it.
  public let baseName: String?
  /// Rank r of the matrices, where the file does not name another for a module.
  public let rank: Int
  /// What the adapter adds is multiplied by alpha / r, or alpha / √r if rank-stabilised.
  public let alpha: Double
  public let isRankStabilised: Bool
  /// The adapted modules of a block: "self_attn.q_proj" and the like.
  public let moduleNames: [String]
  public let tensorCount: Int
  public let parameterCount: Int
  /// Bytes of the tensors as they are stored.
  public let storedBytes: Int

  /// Whether the folder at `path` holds an adapter rather than a model.
  public static func isAdapter(at path: String) -> Bool { isAdapterFolder(path) }

  /// Reads the adapter's configuration and the header of its weights.
  public init(at path: String) throws(LanguageModelError) {
    let summary = try translatingModelErrors { () throws(ModelError) in
      try AdapterSummary(folder: path)
    }
    self.path = path
    baseName = summary.baseName
    rank = summary.rank
    alpha = summary.alpha
    isRankStabilised = summary.isRankStabilised
    moduleNames = summary.moduleNames
    tensorCount = summary.tensorCount
    parameterCount = summary.parameterCount
    storedBytes = summary.byteCount
  }
}
