import GPTOps
import GPTTensor
import Glibc

/// Makes the parameters of a new model as GPT-2 was: normal with deviation 0.02, the projections
/// that end in the residual stream 1 / √(2 L) of that; gains 1, biases 0.
///
/// Every parameter has a random sequence of its own, out of the seed and its place in the model.
///
/// - Source: Radford et al. 2019, section 2.3; deviation 0.02 from openai/gpt-2's model.py
struct ParameterInitialiser {
  static let deviation = 0.02
  let configuration: ModelConfiguration
  let seed: UInt64

  private var residualDeviation: Double {
    ParameterInitialiser.deviation / (2 * Double(configuration.blockCount)).squareRoot()
  }

  /// Replaces the values of `parameters`, which are all of the model's in their order.
  func fill(_ parameters: [Parameter]) {
    for (index, parameter) in parameters.enumerated() {
      let name = parameter.name
      if name.hasSuffix("Gain") {
        fill(parameter.value) { _ in 1 }
      } else if name.hasSuffix("Bias") {
        parameter.value.clear()
      } else {
        let isResidual = name.hasSuffix(".attentionOutput") || name.hasSuffix(".down")
        var normal = NormalNumbers(seed: seed, stream: UInt64(index))
        let deviation = isResidual ? residualDeviation : ParameterInitialiser.deviation
        fill(parameter.value) { _ in Float(normal.next() * deviation) }
      }
    }
  }

  private func fill(_ tensor: Tensor, _ element: (Int) -> Float) {
    for row in 0..<tensor.rows {
      let target = tensor.row(row)
      for column in 0..<tensor.columns { target[column] = element(column) }
    }
  }
}

/// Normally distributed numbers by Box & Muller (1958) out of SplitMix64 (Steele, Lea & Flood 2014).
struct NormalNumbers {
  private var state: UInt64
  private var spare: Double?

  init(seed: UInt64, stream: UInt64) {
    state = seed &* 0xd134_2543_de82_ef95 &+ stream &* 0x9e37_79b9_7f4a_7c15
    _ = bits()
  }

  private mutating func bits() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// Uniform in 0..<1.
  mutating func nextUniform() -> Double { Double(bits() >> 11) * 0x1p-53 }

  mutating func next() -> Double {
    if let spare {
      self.spare = nil
      return spare
    }
    let first = Double(bits() >> 11 &+ 1) * 0x1p-53
    let second = nextUniform()
    let radius = (-2 * log(first)).squareRoot()
    spare = radius * sin(2 * Double.pi * second)
    return radius * cos(2 * Double.pi * second)
  }
}
