package import GPTModel

/// Sizes of models by name.
package enum ModelPreset: String, Sendable, CaseIterable {
  case nano, micro, mini, small, gpt2

  /// - Parameter family: nil: gpt2 for the preset of that name, else llama
  package func shape(family: ModelShape.Family? = nil) -> ModelShape {
    let family = family ?? (self == .gpt2 ? .gpt2 : .llama)
    let (blocks, width, heads, context) = dimensions
    return ModelShape(
      family: family, blockCount: blocks, width: width, headCount: heads, contextLength: context)
  }

  private var dimensions: (blocks: Int, width: Int, heads: Int, context: Int) {
    switch self {
    case .nano: (4, 128, 4, 128)
    case .micro: (6, 192, 6, 256)
    case .mini: (6, 384, 6, 256)
    case .small: (8, 512, 8, 512)
    case .gpt2: (12, 768, 12, 1024)
    }
  }

  /// A vocabulary that such a model usually has, to count parameters before there is a corpus.
  package var typicalVocabularySize: Int {
    switch self {
    case .nano: 2048
    case .micro, .mini: 4096
    case .small: 8192
    case .gpt2: 50_257
    }
  }

  /// Peak rates for AdamW: nanoGPT's for small models, GPT-2's 6e-4 (Brown et al. 2020,
  /// arXiv:2005.14165, table 2.1) for the larger.
  package var learningRate: Double {
    switch self {
    case .nano, .micro, .mini: 1e-3
    case .small, .gpt2: 6e-4
    }
  }
}
