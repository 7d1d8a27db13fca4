import GPTOps
import GPTTensor
import TestSupport
import Testing

/// A kernel level and the precision of its products.
struct Numerics: Sendable, CustomTestStringConvertible {
  let level: KernelLevel
  let precision: Precision

  /// Every level of this machine in fp32, and in bf16 where it multiplies so.
  static let all: [Numerics] = single + narrow
  static let single = KernelLevel.available.map { Numerics(level: $0, precision: .fp32) }
  static let narrow = KernelLevel.available
    .map { Numerics(level: $0, precision: .bf16) }
    .filter { (try? $0.context(threads: 1).multipliesNarrow) == true }

  var testDescription: String { "\(level) \(precision.rawValue)" }

  func context(threads: Int = 2) throws -> ComputeContext {
    try ComputeContext(threadCount: threads, precision: precision, level: level)
  }

  /// What a product makes of an operand's element.
  func operand(_ value: Float) -> Float { precision == .bf16 ? value.roundedToBF16 : value }
}

extension TestRandom {
  /// A parameter with a gradient, both random.
  mutating func parameter(rows: Int, columns: Int) -> Parameter {
    let parameter = Parameter(
      name: "parameter", value: tensor(rows: rows, columns: columns), decays: true)
    parameter.prepareGradient()
    if let gradient = parameter.gradient {
      copy(tensor(rows: rows, columns: columns), to: gradient)
    }
    return parameter
  }

  private func copy(_ source: Tensor, to target: Tensor) {
    target.pointer.update(from: source.pointer, count: source.rows * source.stride)
  }
}

extension Tensor {
  /// Another tensor with the same elements.
  func copied() -> Tensor { Tensor(rows: rows, values: values) }
}
