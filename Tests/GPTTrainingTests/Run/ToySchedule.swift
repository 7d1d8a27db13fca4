import GPTTraining

/// A rate that changes from step to step.
let toySchedule = LearningRateSchedule(peak: 0.3, totalSteps: 20)

func constantSchedule(rate: Double) -> LearningRateSchedule {
  LearningRateSchedule(peak: rate, totalSteps: 20)
}
