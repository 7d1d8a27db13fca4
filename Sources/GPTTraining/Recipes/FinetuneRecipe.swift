/// What fine-tuning does that was told nothing but its model and examples.
package struct FinetuneRecipe: Sendable, Equatable {
  package let steps: Int
  package let validateEvery: Int
  package let logEvery: Int
  package let warmupSteps: Int
  /// AdamW's largest.
  package let learningRate: Double

  package static let epochs = 3.0
  /// Tokens of a row: most examples of tasks are shorter, and attention's share stays small.
  package static let contextLength = 512

  /// Rows computed at once: about four thousand tokens keep the matrix units busy, but few examples
  /// make more than a handful of steps only in smaller batches.
  ///
  /// - Parameters:
  ///   - rowCount: that show every example once
  ///   - rowLength: tokens
  ///   - accumulate: batches of a step
  package static func sequenceCount(rowCount: Int, rowLength: Int, accumulate: Int) -> Int {
    let fast = max(1, 4096 / max(1, rowLength))
    let wanted = rowCount / stepsPerEpoch / max(1, accumulate)
    return max(1, min(fast, wanted))
  }

  /// Adam wants some hundred steps of which none is much noise.
  private static let stepsPerEpoch = 50

  /// - Parameters:
  ///   - rowsPerStep: of all batches of a step
  ///   - epochs: passes over the examples
  ///   - known: steps that were asked for
  package init(
    _ method: FinetuneMethod, rowCount: Int, rowsPerStep: Int, epochs: Double, steps known: Int?
  ) {
    let steps = Double(rowCount) * epochs / Double(max(1, rowsPerStep))
    // Beyond any run; keeps the conversion in range.
    self.steps = known ?? max(1, Int(min(1e9, steps.rounded(.up))))
    validateEvery = max(1, self.steps / 10)
    logEvery = max(1, min(10, self.steps / 50))
    warmupSteps = min(100, self.steps / 20)
    learningRate = Self.learningRate(method)
  }

  /// Adapters take some ten times the rate of whole models (Schulman & Thinking Machines Lab 2025,
  /// "LoRA Without Regret"), preferences a tenth of it (Rafailov et al. 2023, arXiv:2305.18290,
  /// appendix B, use 1e-6 for whole models).
  private static func learningRate(_ method: FinetuneMethod) -> Double {
    switch method {
    case .lora: 5e-4
    case .dpo: 5e-5
    case .full: 5e-5
    case .lastBlocks: 1e-4
    }
  }
}
