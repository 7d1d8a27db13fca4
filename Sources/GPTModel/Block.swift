import GPTOps
import GPTTensor

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

  /// The block's output for x `[T, C]`; with a tape x is kept, without one it is overwritten.
  func forward(_ x: Tensor, pass: ForwardPass) -> Tensor {
    let mark = pass.kept.mark()
    let between = pass.restingAfter(\.attention) { attention(x, pass: $0) }
    if pass.tape == nil { pass.kept.release(to: mark) }
    let result = pass.restingAfter(\.feedForward) { feedForward(between, pass: $0) }
    if pass.tape == nil { pass.kept.release(to: mark) }
    return result
  }

  private func attention(_ x: Tensor, pass: ForwardPass) -> Tensor {
    let shape = pass.configuration.attention
    let inputs = pass.project(pass.normalised(x, by: attentionNorm), [query, key, value])
    let (queries, keys, values) = (inputs[0], inputs[1], inputs[2])
    pass.rotate(queries, headCount: shape.headCount)
    pass.rotate(keys, headCount: shape.keyValueHeadCount)
    pass.profile?.end(.queryKeyValue)
    let attended = pass.attend(queries: queries, keys: keys, values: values, block: index)
    pass.profile?.end(.attention)
    defer { pass.profile?.end(.attentionOutput) }
    return pass.add(
      pass.activation(attended), through: attentionOutput, to: x, site: 3 * index + 1)
  }

  private func feedForward(_ x: Tensor, pass: ForwardPass) -> Tensor {
    let normalised = pass.normalised(x, by: feedForwardNorm)
    let hidden: ProjectionSource
    if let gate {
      let parts = pass.project(normalised, [gate, up])
      hidden = pass.gated(parts[0], parts[1])
    } else {
      hidden = pass.gelu(pass.project(normalised, [up])[0])
    }
    pass.profile?.end(.gateUp)
    defer { pass.profile?.end(.down) }
    return pass.add(hidden, through: down, to: x, site: 3 * index + 2)
  }
}
