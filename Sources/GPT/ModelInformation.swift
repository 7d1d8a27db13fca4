package import GPTModel

/// What a model is and what it takes.
public struct ModelInformation: Sendable, Equatable {
  /// The tensors that are stored in one way.
  public struct StoredType: Sendable, Equatable {
    /// Name of the element type as its file format spells it: F32, BF16, Q4_K…
    public let name: String
    public let tensorCount: Int
    public let byteCount: Int
  }

  /// Memory of the attention cache at a length of context.
  public struct ContextMemory: Sendable, Equatable {
    public let tokenCount: Int
    public let byteCount: Int
  }

  public let path: String
  public let architecture: String
  public let name: String?
  public let parameterCount: Int
  public let storedTypes: [StoredType]
  /// Bytes of all tensors as they are stored.
  public let storedBytes: Int
  public let tokenizer: String
  public let vocabularySize: Int
  public let contextLength: Int
  public let width: Int
  public let blockCount: Int
  public let headCount: Int
  public let keyValueHeadCount: Int
  public let headWidth: Int
  public let hiddenWidth: Int
  public let hasChatTemplate: Bool
  /// At powers of two from 512, and at the whole context.
  public let contextMemory: [ContextMemory]

  package init(
    path: String, architecture: String, name: String?, parameterCount: Int,
    storedTypes: [StoredType], storedBytes: Int, tokenizer: String, vocabularySize: Int,
    contextLength: Int, width: Int, blockCount: Int, headCount: Int, keyValueHeadCount: Int,
    headWidth: Int, hiddenWidth: Int, hasChatTemplate: Bool, contextMemory: [ContextMemory]
  ) {
    self.path = path
    self.architecture = architecture
    self.name = name
    self.parameterCount = parameterCount
    self.storedTypes = storedTypes
    self.storedBytes = storedBytes
    self.tokenizer = tokenizer
    self.vocabularySize = vocabularySize
    self.contextLength = contextLength
    self.width = width
    self.blockCount = blockCount
    self.headCount = headCount
    self.keyValueHeadCount = keyValueHeadCount
    self.headWidth = headWidth
    self.hiddenWidth = hiddenWidth
    self.hasChatTemplate = hasChatTemplate
    self.contextMemory = contextMemory
  }
}

extension ModelInformation {
  package init(path: String, opened: OpenedModel) {
    let configuration = opened.configuration
    let summary = opened.summary
    self.path = path
    architecture = configuration.architecture
    name = summary.name
    parameterCount = summary.parameterCount
    storedTypes = summary.dtypes.map {
      StoredType(name: $0.dtype, tensorCount: $0.tensorCount, byteCount: $0.byteCount)
    }
    storedBytes = storedTypes.reduce(0) { $0 + $1.byteCount }
    tokenizer = summary.tokenizerSummary
    vocabularySize = configuration.vocabularySize
    contextLength = configuration.contextLength
    width = configuration.width
    blockCount = configuration.blockCount
    headCount = configuration.headCount
    keyValueHeadCount = configuration.keyValueHeadCount
    headWidth = configuration.headWidth
    hiddenWidth = configuration.hiddenWidth
    hasChatTemplate = opened.chatTemplate != nil
    contextMemory = Self.contextLengths(upTo: configuration.contextLength).map { count in
      let bytes = configuration.cacheBytes(
        tokenCount: count, type: opened.transformer.cacheType)
      return ContextMemory(tokenCount: count, byteCount: bytes)
    }
  }

  private static func contextLengths(upTo limit: Int) -> [Int] {
    var lengths: [Int] = []
    var length = 512
    while length < limit {
      lengths.append(length)
      length *= 2
    }
    return lengths + [limit]
  }
}
