import GPTOps
import GPTTensor

extension ForwardPass {
  /// Turns every head of x by its position, in place.
  func rotate(_ x: Tensor, headCount: Int) {
    guard let rotary else { return }
    let width = configuration.headWidth
    GPTOps.rotate(x, headCount: headCount, headWidth: width, by: rotary, in: context)
    tape?.record {
      guard let tape else { return }
      rotateBackward(
        tape.gradient(of: x), headCount: headCount, headWidth: width, by: rotary, in: context)
    }
  }

  /// Attention of the pass's tokens over themselves and what comes before them.
  func attend(queries: Tensor, keys: Tensor, values: Tensor, block: Int) -> Tensor {
    let shape = configuration.attention
    let attended = insides.tensor(rows: queries.rows, columns: queries.columns)
    switch memory {
    case .caches(let cached, let layout):
      storeKeyValues(
        keys: keys, values: values, sequences: cached, block: block, layout: layout, in: context)
      GPTOps.attend(
        queries, sequences: cached, shape: shape, block: block, layout: layout, into: attended,
        scratch: scratch, in: context)
    case .sequences(let sequences):
      let dropped = dropout.layer(dropout.attention, 3 * block)
      let logSums = tape.map { _ in
        kept.tensor(rows: sequences.count * shape.headCount, columns: sequences.length)
      }
      attendSequences(
        queries: queries, keys: keys, values: values, sequences: sequences, shape: shape,
        dropout: dropped, into: attended, logSums: logSums, in: context)
      guard let tape, let logSums else { break }
      tape.record {
        let gradient = tape.take(attended)
        attendSequencesBackward(
          gradient, out: attended, queries: queries, keys: keys, values: values, logSums: logSums,
          sequences: sequences, shape: shape, dropout: dropped, dqueries: gradient,
          dkeys: tape.newGradient(of: keys), dvalues: tape.newGradient(of: values),
          scratch: scratch, in: context)
        tape.give(gradient, to: queries)
      }
    }
    return attended
  }
}
