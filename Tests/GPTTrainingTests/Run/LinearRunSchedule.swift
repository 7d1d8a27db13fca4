import GPTTraining

/// A rate that changes from step to step.
let toySchedule = LearningRateSchedule(peak: 0.3, warmupSteps: 3, totalSteps: 20)

func constantSchedule(rate: Double) -> LearningRateSchedule {
  LearningRateSchedule(kind: .constant, peak: rate, warmupSteps: 0, totalSteps: 20)
}
