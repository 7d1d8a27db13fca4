import GPTTraining
import Testing

@Suite struct OptimizerOptionsTests {
  @Test(arguments: OptimizerOptions.Kind.allCases)
  func defaultsAreValid(_ kind: OptimizerOptions.Kind) throws {
    try OptimizerOptions(kind: kind).validate()
  }

  static let bad: [(OptimizerOptions, String)] = {
    func changed(_ change: (inout OptimizerOptions) -> Void) -> OptimizerOptions {
      var options = OptimizerOptions()
      change(&options)
      return options
    }
    return [
      (changed { $0.beta1 = 1 }, "beta1: 1.0, expected at least 0 and below 1"),
      (changed { $0.beta2 = -0.5 }, "beta2: -0.5, expected at least 0 and below 1"),
      (changed { $0.momentum = .nan }, "momentum: nan, expected at least 0 and below 1"),
      (changed { $0.weightDecay = -1 }, "weight decay: -1.0, expected at least 0"),
      (changed { $0.weightDecay = .infinity }, "weight decay: inf, expected at least 0"),
      (changed { $0.epsilon = 0 }, "epsilon: 0.0, expected above 0"),
    ]
  }()

  @Test(arguments: bad)
  func badConstantsAreRefused(_ options: OptimizerOptions, _ message: String) {
    let error = #expect(throws: TrainingError.self) { try options.validate() }
    #expect(error?.description == message)
  }
}
