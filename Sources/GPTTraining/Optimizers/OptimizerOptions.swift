package import GPTOps

/// Which optimizer moves the parameters, and its constants; the learning rate is a schedule's.
package struct OptimizerOptions: Sendable, Equatable {
  package enum Kind: String, CaseIterable, Sendable {
    case adamw, sgd, lion, muon
  }

  package var kind: Kind
  /// Decay of the mean of gradients: AdamW, Lion, and AdamW beside Muon.
  package var beta1: Float
  /// Decay of the mean of squares (AdamW), of the momentum (Lion).
  package var beta2: Float
  /// Added to AdamW's denominator.
  package var epsilon: Float
  /// λ; norms and biases do not decay.
  package var weightDecay: Float
  /// Decay of the momentum of SGD and Muon.
  package var momentum: Float
  /// Nesterov's momentum for SGD and Muon.
  package var nesterov: Bool
  package var muonAdjustment: MuonRateAdjustment

  /// The constants published for language models:
  /// - AdamW: β 0.9 and 0.95, ε 1e-8, λ 0.1 (Brown et al. 2020, arXiv:2005.14165, appendix B)
  /// - SGD: momentum 0.9, no decay (Sutskever et al. 2013; `torch.optim.SGD`)
  /// - Lion: β 0.9 and 0.99 (Chen et al. 2023, arXiv:2302.06675, algorithm 2); λ ten times AdamW's
  ///   because its learning rate is a tenth (section 5)
  /// - Muon: Nesterov's momentum 0.95 (Jordan et al. 2024), λ 0.1 and AdamW's learning rate (Liu
  ///   et al. 2025, arXiv:2502.16982)
  package init(kind: Kind = .adamw) {
    self.kind = kind
    beta1 = 0.9
    beta2 = kind == .lion ? 0.99 : 0.95
    epsilon = 1e-8
    weightDecay =
      switch kind {
      case .adamw, .muon: 0.1
      case .sgd: 0
      case .lion: 1
      }
    momentum = kind == .muon ? 0.95 : 0.9
    nesterov = kind == .muon
    muonAdjustment = .matchAdamW
  }

  /// - Throws: `TrainingError.invalid` for a constant with which the formulas lose their meaning.
  package func validate() throws(TrainingError) {
    for (name, decay) in [("beta1", beta1), ("beta2", beta2), ("momentum", momentum)] {
      guard decay >= 0, decay < 1 else {
        throw .invalid(location: name, found: "\(decay)", expected: "at least 0 and below 1")
      }
    }
    guard weightDecay >= 0, weightDecay.isFinite else {
      throw .invalid(location: "weight decay", found: "\(weightDecay)", expected: "at least 0")
    }
    guard epsilon > 0, epsilon.isFinite else {
      throw .invalid(location: "epsilon", found: "\(epsilon)", expected: "above 0")
    }
  }
}

extension Float {
  /// The decimal number that was written: 0.999 as a float is wrong by 1e-8, which would make
  /// 1 − 0.999 wrong by 1e-5 of itself.
  var asWritten: Double { Double(description) ?? Double(self) }
}
