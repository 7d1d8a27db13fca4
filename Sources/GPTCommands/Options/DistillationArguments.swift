internal import ArgumentParser

/// A larger model that is learned from.
struct DistillationArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Model with the same vocabulary whose probabilities are learned too.",
      valueName: "path-or-name"))
  var teacher: String?
  @Option(help: "Temperature at which both are compared (default: 2).")
  var distillationTemperature: Double?
  @Option(help: "Share of the teacher in the loss, the rest is the examples' (default: 0.5).")
  var distillationWeight: Double?

  func validate() throws {
    if teacher == nil, distillationTemperature != nil || distillationWeight != nil {
      throw ValidationError("--distillation-temperature and -weight go with --teacher.")
    }
    if let distillationTemperature {
      guard distillationTemperature > 0, distillationTemperature <= 1000 else {
        throw ValidationError("--distillation-temperature must be above 0 and at most 1000.")
      }
    }
    if let distillationWeight, !(distillationWeight >= 0 && distillationWeight <= 1) {
      throw ValidationError("--distillation-weight must be 0 to 1.")
    }
  }

  mutating func complete() {
    guard teacher != nil else { return }
    distillationTemperature = distillationTemperature ?? 2
    distillationWeight = distillationWeight ?? 0.5
  }
}
