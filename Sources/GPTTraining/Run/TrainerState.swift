package struct TrainerState: Sendable, Equatable {
  package var step = 0
  package var batchIndex = 0
  package var tokens = 0
  package var seconds = 0.0
  package var bestValidationLoss: Double?
  package var bestStep: Int?
  package var patienceCount = 0
  package var rollbacks = 0
  package var skippedBatches: [Int] = []
  package init() {}
}
