import Glibc

/// How the tokens of a text are counted when a model's perplexity is measured.
public struct PerplexityOptions: Sendable, Equatable {
  public enum Counting: String, Sendable, CaseIterable {
    /// A window slides over the text by `stride` tokens; every token is predicted once, from as
    /// much of what stands before it as the window holds. The mean is that of the loop in the
    /// documentation of `transformers`: a window counts for one token less than it predicts.
    ///
    /// - Source: https://huggingface.co/docs/transformers/perplexity
    case transformers
    /// Whole windows side by side, the last incomplete one left out; only the second half of a
    /// window is predicted. The first token of a window is replaced by the beginning of sequence
    /// where the model's files ask for one.
    ///
    /// - Source: llama.cpp, tools/perplexity/perplexity.cpp, `perplexity`
    case llamaCpp = "llama.cpp"
  }

  public var counting = Counting.transformers
  /// Tokens of a window; nil takes 1,024, or 512 for llama.cpp's counting (its own default), or
  /// the model's context where that is shorter.
  public var windowLength: Int?
  /// Tokens by which a window lies behind the one before; nil takes half a window. Of no use to
  /// llama.cpp's counting.
  public var stride: Int?
  /// Most tokens that one pass computes; nil takes as many as are fast. One to eight are multiplied
  /// as decoding multiplies them, whose perplexity this measures.
  public var chunkLength: Int?

  public init() {}
}

/// How well a model predicts a text.
public struct Perplexity: Sendable, Equatable {
  /// Tokens of the text that one window predicts.
  public struct Window: Sendable, Equatable {
    /// Positions of the predicted tokens in `tokens`.
    public let predicted: Range<Int>
    /// For how many tokens the window's mean counts in the mean of all.
    public let weight: Int

    package init(predicted: Range<Int>, weight: Int) {
      self.predicted = predicted
      self.weight = weight
    }
  }

  /// The tokens of the text.
  public let tokens: [Int32]
  public let windows: [Window]
  /// Natural logarithm of the probability of each predicted token, in the order of the text.
  public let tokenLogprobs: [Float]
  /// Bytes of text that the predicted tokens stand for.
  public let byteCount: Int

  /// Sum of −log p over the predicted tokens, in nats.
  public let negativeLogLikelihood: Double
  /// Mean of −log p as the counting asks for, in nats per token.
  public let mean: Double

  package init(tokens: [Int32], windows: [Window], tokenLogprobs: [Float], byteCount: Int) {
    self.tokens = tokens
    self.windows = windows
    self.tokenLogprobs = tokenLogprobs
    self.byteCount = byteCount
    var total = 0.0
    var weighted = 0.0
    var weights = 0
    var start = 0
    for window in windows {
      let end = start + window.predicted.count
      let sum = tokenLogprobs[start..<end].reduce(0.0) { $0 - Double($1) }
      total += sum
      weighted += sum / Double(window.predicted.count) * Double(window.weight)
      weights += window.weight
      start = end
    }
    negativeLogLikelihood = total
    mean = weights > 0 ? weighted / Double(weights) : .nan
  }

  /// Tokens that were predicted.
  public var tokenCount: Int { tokenLogprobs.count }

  /// exp of the mean; 1 is perfect.
  public var value: Double { exp(mean) }

  /// Standard error of `value` when the tokens' logarithms are taken for independent of each
  /// other: that of their mean, times the perplexity (delta method), as llama.cpp prints it.
  public var standardError: Double {
    value * SampleMean(of: tokenLogprobs.lazy.map { Double($0) }).standardError
  }

  /// Bits for a byte of the text's predicted part: comparable between tokenizers.
  ///
  ///     Σ −log₂ p / bytes
  public var bitsPerByte: Double {
    byteCount > 0 ? negativeLogLikelihood / log(2) / Double(byteCount) : .nan
  }
}
