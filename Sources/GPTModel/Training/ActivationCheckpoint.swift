import GPTTensor

extension ForwardPass {
  /// A block's output, of which only the input is kept: backward computes the rest again.
  ///
  /// - Source: Chen et al. 2016, arXiv:1604.06174
  func checkpointed(_ block: Block, _ x: Tensor) -> Tensor {
    guard let tape else { return block.forward(x, pass: self) }
    let output = kept.tensor(rows: x.rows, columns: x.columns)
    output.pointer.update(from: x.pointer, count: x.rows * x.stride)
    var plain = self
    plain.tape = nil
    _ = block.forward(output, pass: plain)
    tape.record {
      let mark = kept.mark()
      let gradient = tape.take(output)
      // Steps recorded now come last on the tape, so they run next and nothing else does.
      tape.record { kept.release(to: mark) }
      let again = block.forward(x, pass: self)
      tape.give(gradient, to: again)
    }
    return output
  }
}
