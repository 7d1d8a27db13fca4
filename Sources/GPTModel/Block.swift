import GPTOps
import GPTTensor

/// Gain, and for layer norm bias, of a normalisation.
struct Norm: Sendable {
  let kind: ModelConfiguration.Normalisation
  let epsilon: Float
  let gain: Tensor
  let bias: Tensor?

  func forward(_ x: Tensor, into y: Tensor, in context: ComputeContext) {
    if kind == .layerNorm, let bias {
      layerNorm(x, gain: gain, bias: bias, epsilon: epsilon, into: y, in: context)
    } else {
      rmsNorm(x, gain: gain, epsilon: epsilon, into: y, in: context)
    }
  }
}

/// What one pass of new tokens through the blocks needs besides the activations.
struct ForwardPass {
  let configuration: ModelConfiguration
  let context: ComputeContext
  let cache: KVCache
  /// Position of the first new token.
  let start: Int
  /// Angles of the new tokens' positions; nil with learned positions.
  let rotary: RotaryTable?
}

/// One decoder block: attention and MLP, each normalised before and added to its input.
///
///     x ← x + output(attention(query, key, value of norm(x)))
///     x ← x + down(activation(up of norm(x)))
///
/// Families differ by which parts are present. Source: Radford et al. 2019 (GPT-2, norm first);
/// Touvron et al. 2023, arXiv:2302.13971 (Llama).
struct Block: Sendable {
  let index: Int
  let attentionNorm: Norm
  let query: Linear
  let key: Linear
  let value: Linear
  let attentionOutput: Linear
  let feedForwardNorm: Norm
  /// Present in gated MLPs.
  let gate: Linear?
  let up: Linear
  let down: Linear

  /// Updates `x` `[T, C]` in place.
  func forward(_ x: Tensor, pass: ForwardPass) {
    let workspace = pass.cache.workspace
    let mark = workspace.mark()
    let normalised = workspace.tensor(rows: x.rows, columns: x.columns)
    attentionNorm.forward(x, into: normalised, in: pass.context)
    let afterNorm = workspace.mark()
    attention(normalised, addingTo: x, pass: pass)
    workspace.release(to: afterNorm)
    feedForwardNorm.forward(x, into: normalised, in: pass.context)
    feedForward(normalised, addingTo: x, pass: pass)
    workspace.release(to: mark)
  }

  private func attention(_ normalised: Tensor, addingTo x: Tensor, pass: ForwardPass) {
    let workspace = pass.cache.workspace
    let shape = pass.configuration.attention
    let queries = workspace.tensor(rows: x.rows, columns: query.weight.outputs)
    let keys = workspace.tensor(rows: x.rows, columns: key.weight.outputs)
    let values = workspace.tensor(rows: x.rows, columns: value.weight.outputs)
    project(normalised, [(query, queries), (key, keys), (value, values)], in: pass.context)
    if let rotary = pass.rotary {
      rotate(
        queries, headCount: shape.headCount, headWidth: shape.headWidth, by: rotary,
        in: pass.context)
      rotate(
        keys, headCount: shape.keyValueHeadCount, headWidth: shape.headWidth, by: rotary,
        in: pass.context)
    }
    storeKeyValues(
      keys: keys, values: values, block: index, start: pass.start, pages: pass.cache.pages,
      layout: pass.cache.layout, in: pass.context)
    let attended = workspace.tensor(rows: x.rows, columns: queries.columns)
    attend(
      queries, shape: shape, block: index, start: pass.start, pages: pass.cache.pages,
      layout: pass.cache.layout, into: attended, in: pass.context)
    let output = workspace.tensor(rows: x.rows, columns: x.columns)
    project(attended, [(attentionOutput, output)], in: pass.context)
    add(output, to: x, in: pass.context)
  }

  private func feedForward(_ normalised: Tensor, addingTo x: Tensor, pass: ForwardPass) {
    let workspace = pass.cache.workspace
    let hidden = workspace.tensor(rows: x.rows, columns: up.weight.outputs)
    if let gate {
      let gated = workspace.tensor(rows: x.rows, columns: gate.weight.outputs)
      project(normalised, [(gate, gated), (up, hidden)], in: pass.context)
      siluProduct(gate: gated, up: hidden, in: pass.context)
      finish(gated, addingTo: x, pass: pass)
    } else {
      project(normalised, [(up, hidden)], in: pass.context)
      geluTanh(hidden, in: pass.context)
      finish(hidden, addingTo: x, pass: pass)
    }
  }

  private func finish(_ hidden: Tensor, addingTo x: Tensor, pass: ForwardPass) {
    let output = pass.cache.workspace.tensor(rows: x.rows, columns: x.columns)
    project(hidden, [(down, output)], in: pass.context)
    add(output, to: x, in: pass.context)
  }
}
