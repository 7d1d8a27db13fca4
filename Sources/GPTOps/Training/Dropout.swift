import CKernels
package import GPTTensor

/// Which elements a dropout layer keeps: a function of its key and of an element's place, so that
/// backward needs no stored mask and threads change nothing.
package struct Dropout: Sendable, Equatable {
  /// Share of the elements that become 0, below 1.
  package let probability: Float
  package let key: UInt32

  package init(probability: Float, key: UInt32) {
    precondition(probability >= 0 && probability < 1, "dropout of \(probability)")
    self.probability = probability
    self.key = key
  }

  /// Random numbers below this, of 2^24, drop an element.
  var threshold: Float { (probability * 0x1p24).rounded() }
  /// What is kept grows so that the expectation stays.
  var scale: Float { 1 / (1 - probability) }

  /// Another layer's or sequence's key out of this one (SplitMix64's finaliser, Steele, Lea & Flood
  /// 2014).
  package static func key(_ seed: UInt64, _ index: Int) -> UInt32 {
    var z = seed &+ UInt64(truncatingIfNeeded: index &+ 1) &* 0x9e37_79b9_7f4a_7c15
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return UInt32(truncatingIfNeeded: (z ^ (z >> 31)) >> 16)
  }
}

/// y = x with some elements 0 and the others scaled; backward is the same function of dy.
///
/// - Parameters: x and y `[T, C]`, possibly the same
/// - Source: Srivastava et al. 2014, JMLR 15
package func drop(_ x: Tensor, _ dropout: Dropout, into y: Tensor, in context: ComputeContext) {
  context.forEachRow(x.rows) { row in
    context.kernels.pointee.dropout(
      x.row(row), dropout.key, UInt32(truncatingIfNeeded: row * x.stride), dropout.threshold,
      dropout.scale, y.row(row), x.stride)
  }
}
