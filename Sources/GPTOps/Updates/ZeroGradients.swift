package import GPTTensor

package func zeroGradients(_ parameters: [Parameter], in context: ComputeContext) {
  context.forEachFlatRange(of: parameters) { _, index, range in
    (parameters[index].preparedGradient.pointer + range.lowerBound)
      .update(repeating: 0, count: range.count)
  }
}
