/// The penalties on tokens that were seen lately.
///
/// For a token seen n > 0 times among the last `repeatLastN`:
///
///     x ← x / r   if x > 0, else x · r            (repetition)
///     x ← x − presence − frequency · n
///
/// - Source: Keskar et al. 2019, arXiv:1909.05858 (repetition); the OpenAI API reference (others)
package struct Penalties: Sendable {
  package let repetition: Float
  package let presence: Float
  package let frequency: Float
  package let window: Int

  package init(_ options: GenerationOptions) {
    repetition = options.repetitionPenalty
    presence = options.presencePenalty
    frequency = options.frequencyPenalty
    window = options.repeatLastN
  }

  package var areNeutral: Bool {
    window == 0 || (repetition == 1 && presence == 0 && frequency == 0)
  }

  package func apply(to logits: inout [Float], history: [Int32]) {
    guard !areNeutral else { return }
    var counts: [Int32: Int] = [:]
    for id in window < 0 ? history[...] : history.suffix(window) { counts[id, default: 0] += 1 }
    for (id, count) in counts where logits.indices.contains(Int(id)) {
      let logit = logits[Int(id)]
      let scaled = logit > 0 ? logit / repetition : logit * repetition
      logits[Int(id)] = scaled - presence - frequency * Float(count)
    }
  }
}
