import GPTOps
import GPTTensor

/// What one pass of tokens through the blocks needs besides the activations.
///
/// Decoding has a cache, training a tape, evaluation neither: the same blocks run in all three.
struct ForwardPass {
  /// Where attention finds the tokens before a token.
  enum Memory {
    /// Tokens of one or more sequences, one sequence after the other, each behind what its cache
    /// holds.
    case caches([CachedSequence], PageLayout)
    /// Whole sequences, each from position 0.
    case sequences(SequenceShape)
  }

  /// Shares of activations that training drops, and the number that decides which.
  struct DropoutPlan {
    var attention: Float = 0
    var residual: Float = 0
    /// Adapters drop what each of them says.
    var usesAdapters = false
    var key: UInt64 = 0

    var adapterKey: UInt64? { usesAdapters ? key : nil }

    func layer(_ probability: Float, _ index: Int) -> Dropout? {
      probability > 0
        ? Dropout(probability: probability, key: Dropout.key(key, index)) : nil
    }
  }

  let configuration: ModelConfiguration
  let context: ComputeContext
  let memory: Memory
  /// Angles of the rows' positions; nil with learned positions.
  let rotary: RotaryTable?
  /// Activations that are kept until the pass, and with a tape its backward, is over.
  var kept: Workspace
  /// Activations of a block's insides, which backward reads; may be `kept`.
  var insides: Workspace
  /// Where the insides of half a block are while they are read; nil: they stay in `insides`.
  var active: ActiveInsides?
  /// Activations that last as long as the operation that needs them.
  let scratch: Workspace
  var tape: Tape?
  var dropout = DropoutPlan()
  /// Whether `kept` has room for what projections would compute again in backward.
  var keepsOperands = false
  /// Told when each stage ends.
  var profile: PassProfile?
}

/// What a projection reads: an activation that is kept, or one so cheap to compute from kept ones
/// that backward computes it again.
struct ProjectionSource {
  let rows: RowSource
  /// Whether anything that is trained comes before it.
  var wantsGradient = true
  /// The kept activation of its shape that it is computed from: `backward` turns the gradient into
  /// that one's, in place.
  var origin: Tensor?
  /// Passes the finished gradient of an activation that is not kept on.
  let backward: (Tensor) -> Void
}

extension ForwardPass {
  /// norm(x), computed again in backward.
  func normalised(_ x: Tensor, by norm: Norm) -> ProjectionSource {
    let isWanted = tape?.wantsGradient(of: x) ?? false
    return ProjectionSource(
      rows: norm.rows(x, in: context), wantsGradient: isWanted || norm.gain.gradient != nil
    ) { dy in
      guard let tape else { return }
      let mark = scratch.mark()
      let gradient =
        isWanted ? tape.gradient(of: x) : scratch.tensor(rows: x.rows, columns: x.columns)
      norm.backward(dy, x: x, into: gradient, scratch: scratch, in: context)
      scratch.release(to: mark)
    }
  }

  /// gelu(up), computed again in backward.
  func gelu(_ up: Tensor) -> ProjectionSource {
    ProjectionSource(rows: geluTanh(up, in: context), origin: up) { dy in
      geluTanhBackward(dy, x: up, into: dy, in: context)
    }
  }

  /// silu(gate) · up, computed again in backward.
  func gated(_ gate: Tensor, _ up: Tensor) -> ProjectionSource {
    ProjectionSource(rows: siluProduct(gate: gate, up: up, in: context), origin: up) { dy in
      guard let tape else { return }
      siluProductBackward(
        dy, gate: gate, up: up, dgate: tape.newGradient(of: gate), dup: dy, in: context)
    }
  }

  /// An activation that is kept: its gradient is the product itself.
  func activation(_ x: Tensor) -> ProjectionSource {
    ProjectionSource(rows: RowSource(x)) { _ in }
  }

  /// The outputs of several layers on one input.
  func project(_ source: ProjectionSource, _ layers: [Linear]) -> [Tensor] {
    let targets = layers.map { layer in
      (
        linear: layer,
        output: insides.tensor(rows: source.rows.rows, columns: layer.weight.outputs)
      )
    }
    let operands = GPTOps.project(
      source.rows, targets, adapterDropout: dropout.adapterKey, keeping: operandMemory,
      scratch: scratch, in: context)
    tape?.record { projectBackward(source, targets, operands) }
    return targets.map(\.output)
  }

  private var operandMemory: Workspace? { tape != nil && keepsOperands ? kept : nil }

  /// x + layer(source), the residual connection; without a tape x itself is changed.
  func add(_ source: ProjectionSource, through layer: Linear, to x: Tensor, site: Int) -> Tensor {
    let dropped = dropout.layer(dropout.residual, site)
    let sum = tape == nil ? x : kept.tensor(rows: x.rows, columns: x.columns)
    let operands: ProjectionOperands?
    if let dropped {
      let mark = scratch.mark()
      let output = scratch.tensor(rows: x.rows, columns: x.columns)
      operands = GPTOps.project(
        source.rows, [(layer, output)], adapterDropout: dropout.adapterKey,
        keeping: operandMemory, scratch: scratch, in: context)
      drop(output, dropped, into: output, in: context)
      GPTOps.add(output, x, into: sum, in: context)
      scratch.release(to: mark)
    } else {
      operands = GPTOps.project(
        source.rows, through: layer, addedTo: x, into: sum, adapterDropout: dropout.adapterKey,
        keeping: operandMemory, scratch: scratch, in: context)
    }
    tape?.record {
      addBackward(source, operands, through: layer, from: sum, to: x, dropped: dropped)
    }
    return sum
  }

  private func projectBackward(
    _ source: ProjectionSource, _ targets: [(linear: Linear, output: Tensor)],
    _ operands: ProjectionOperands?
  ) {
    guard let tape else { return }
    let gradients = targets.map { (linear: $0.linear, gradient: tape.take($0.output)) }
    passBack(gradients, through: source, operands)
    for (_, gradient) in gradients { tape.recycle(gradient) }
  }

  /// The sum's gradient is that of both its parts: the projection reads it, then x keeps it.
  private func addBackward(
    _ source: ProjectionSource, _ operands: ProjectionOperands?, through layer: Linear,
    from sum: Tensor, to x: Tensor, dropped: Dropout?
  ) {
    guard let tape else { return }
    let gradient = tape.take(sum)
    let mark = scratch.mark()
    var output = gradient
    if let dropped {
      output = scratch.tensor(rows: sum.rows, columns: sum.columns)
      drop(gradient, dropped, into: output, in: context)
    }
    passBack([(layer, output)], through: source, operands)
    scratch.release(to: mark)
    tape.give(gradient, to: x)
  }

  private func passBack(
    _ targets: [(linear: Linear, gradient: Tensor)], through source: ProjectionSource,
    _ operands: ProjectionOperands?
  ) {
    guard let tape else { return }
    func passBack(into gradient: Tensor?) {
      GPTOps.projectBackward(
        source.rows, targets, into: gradient, adapterDropout: dropout.adapterKey,
        operands: operands, scratch: scratch, in: context)
    }
    guard source.wantsGradient else { return passBack(into: nil) }
    if let activation = source.rows.tensor {
      return passBack(into: tape.newGradient(of: activation))
    }
    if let origin = source.origin {
      let gradient = tape.newGradient(of: origin)
      passBack(into: gradient)
      return source.backward(gradient)
    }
    let mark = scratch.mark()
    let gradient = scratch.tensor(rows: source.rows.rows, columns: source.rows.columns)
    passBack(into: gradient)
    source.backward(gradient)
    scratch.release(to: mark)
  }
}
