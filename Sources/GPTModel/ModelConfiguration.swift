package import GPTOps

/// Everything that distinguishes one decoder from another: families are values of this type.
package struct ModelConfiguration: Sendable, Equatable {
  package enum Normalisation: Sendable, Equatable { case layerNorm, rmsNorm }
  package enum Position: Sendable, Equatable {
    case learned
    case rotary(RotaryConfiguration)
  }
  package enum FeedForward: Sendable, Equatable {
    /// down(gelu(up(x))), the tanh form
    case gelu
    /// down(silu(gate(x)) · up(x))
    case gatedSilu
  }

  /// The family's published name: gpt2, llama, mistral, qwen2.
  package var architecture: String
  package var vocabularySize: Int
  package var contextLength: Int
  /// C
  package var width: Int
  /// L
  package var blockCount: Int
  /// H
  package var headCount: Int
  /// G
  package var keyValueHeadCount: Int
  /// D
  package var headWidth: Int
  /// F
  package var hiddenWidth: Int
  package var normalisation: Normalisation
  package var normEpsilon: Float
  package var position: Position
  package var feedForward: FeedForward
  package var queryKeyValueBias: Bool
  package var attentionOutputBias: Bool
  package var feedForwardBias: Bool
  package var tiedOutput: Bool
  package var attentionSoftCap: Float = 0
  package var logitSoftCap: Float = 0
  /// Tokens that a query sees, itself included; nil: all.
  package var slidingWindow: Int?
  /// False: scores are not divided by √D.
  package var scalesAttention = true

  package var attention: AttentionShape {
    AttentionShape(
      headCount: headCount, keyValueHeadCount: keyValueHeadCount, headWidth: headWidth,
      scale: scalesAttention ? 1 / Float(headWidth).squareRoot() : 1, softCap: attentionSoftCap,
      window: slidingWindow)
  }

  package func pageLayout(type: CacheType) -> PageLayout {
    PageLayout(
      blockCount: blockCount, headCount: keyValueHeadCount, headWidth: headWidth, type: type)
  }

  /// Bytes of keys and values for `tokenCount` tokens, in whole pages.
  package func cacheBytes(tokenCount: Int, type: CacheType) -> Int {
    PageLayout.pageCount(tokens: tokenCount) * pageLayout(type: type).pageBytes
  }
}
