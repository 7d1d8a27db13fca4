internal import GPTTraining

extension MemoryEstimate {
  /// An estimate: says so in place of an allocation that fails, or a kernel that ends the process.
  ///
  /// - Parameters:
  ///   - parameterCount: that are trained
  ///   - lower: options that need less
  func check(parameterCount: Int, lower: String) throws(TrainingError) {
    guard let available = ProcessMemory.availableBytes(), totalBytes > Double(available)
    else { return }
    func text(_ bytes: Double) -> String { "\((bytes / 1e9).rounded(to: 1)) GB" }
    throw .invalid(
      location: "memory", found: "\(text(Double(available))) available",
      expected: "about \(text(totalBytes)) (\(text(parameterBytes)) for "
        + "\(parameterCount) parameters and their optimizer, "
        + "\(text(activationBytes + batchBytes)) for a step's tokens); lower: \(lower)")
  }
}
