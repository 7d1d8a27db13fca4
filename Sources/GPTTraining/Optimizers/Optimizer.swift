package import GPTOps
package import GPTTensor

/// Moves parameters against their gradients; made for one list of parameters by `makeOptimizer`.
package protocol Optimizer: AnyObject {
  /// One update of the parameters that the optimizer was made for, in their order.
  ///
  /// Allocates nothing after the first. Gradients are left as they are.
  ///
  /// - Parameters:
  ///   - step: counts from 1.
  ///   - gradientScale: multiplies gradients first (clipping).
  func update(
    _ parameters: [Parameter], learningRate: Float, step: Int, gradientScale: Float,
    in context: ComputeContext)

  /// What a checkpoint must hold, "<parameter name>.<what>", in a fixed order; zeros before the
  /// first update. Writing into the tensors restores it.
  var state: [(name: String, tensor: Tensor)] { get }
}

package func makeOptimizer(
  _ options: OptimizerOptions, parameters: [Parameter]
) -> any Optimizer {
  switch options.kind {
  case .adamw: AdamW(options, parameters: parameters)
  case .sgd: SGD(options, parameters: parameters)
  case .lion: Lion(options, parameters: parameters)
  case .muon: Muon(options, parameters: parameters)
  }
}

/// A tensor of zeros for each parameter, under the parameter's name.
struct OptimizerSlots {
  let tensors: [Tensor]
  private let names: [String]

  /// - Parameter what: what the tensors hold, the last part of their names.
  init(_ what: String, for parameters: [Parameter]) {
    tensors = parameters.map { Tensor(rows: $0.value.rows, columns: $0.value.columns) }
    names = parameters.map { "\($0.name).\(what)" }
  }

  var named: [(name: String, tensor: Tensor)] {
    zip(names, tensors).map { (name: $0, tensor: $1) }
  }
}
