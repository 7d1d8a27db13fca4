import GPTJSON
import GPTOps
import GPTTensor
import GPTTraining
import Glibc
import TestSupport

/// Inputs and expected updates of `tools/golden_optimizers.py`.
struct OptimizerFixture {
  struct Case {
    let name: String
    let options: OptimizerOptions
    let gradientScale: Float
  }

  static let names = [
    "adamw", "adamw-torch-defaults", "adamw-large-epsilon", "sgd", "sgd-nesterov", "lion",
    "lion-scaled", "muon", "muon-match",
  ]

  private static let folder: String = {
    let parts = #filePath.split(separator: "/").dropLast(3)
    return "/" + parts.joined(separator: "/") + "/Fixtures/optimizers"
  }()

  let json: JSONValue
  let descriptions: [(name: String, rows: Int, columns: Int, decays: Bool)]
  let rates: [Float]
  /// Of the largest magnitude in a tensor.
  let tolerance: Double
  private let inputs: [Float]

  init() throws {
    let text = try readSmallFile(path: OptimizerFixture.folder + "/golden.json", limit: 1 << 20)
    json = try text.withUnsafeBytes { try JSONParser.parse($0) }
    descriptions = (json["parameters"]?.array ?? []).map {
      let shape = ($0["shape"]?.array ?? []).compactMap(\.integer)
      return ($0["name"]?.string ?? "", shape[0], shape[1], $0["decays"]?.boolean ?? false)
    }
    rates = (json["rates"]?.array ?? []).compactMap { $0.double.map(Float.init) }
    tolerance = json["tolerance"]?.double ?? 0
    inputs = try OptimizerFixture.floats("inputs")
  }

  private static func floats(_ name: String) throws -> [Float] {
    let bytes = try readSmallFile(path: "\(folder)/\(name).bin", limit: 1 << 20)
    return bytes.withUnsafeBytes { buffer in
      (0..<buffer.count / 4).map { buffer.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
    }
  }

  func options(of name: String) throws -> Case {
    let found = json["cases"]?.array?.first { $0["name"]?.string == name }
    func float(_ key: String, _ fallback: Float) -> Float {
      found?[key]?.double.map(Float.init) ?? fallback
    }
    let kind = OptimizerOptions.Kind(rawValue: found?["kind"]?.string ?? "")
    var options = OptimizerOptions(kind: kind ?? .adamw)
    options.beta1 = float("beta1", .nan)
    options.beta2 = float("beta2", .nan)
    options.epsilon = float("epsilon", .nan)
    options.momentum = float("momentum", .nan)
    options.weightDecay = float("weightDecay", .nan)
    options.nesterov = found?["nesterov"]?.boolean ?? false
    options.muonAdjustment =
      MuonRateAdjustment(rawValue: found?["muonAdjustment"]?.string ?? "") ?? .original
    return Case(
      name: name, options: options, gradientScale: float("gradientScale", .nan))
  }

  /// Elements of all parameters.
  private var elementCount: Int { descriptions.reduce(0) { $0 + $1.rows * $1.columns } }

  func makeParameters() -> [Parameter] {
    let parameters = descriptions.map {
      Parameter(
        name: $0.name, value: Tensor(rows: $0.rows, columns: $0.columns), decays: $0.decays)
    }
    fill(parameters.map(\.value), from: inputs[..<elementCount])
    for parameter in parameters { parameter.prepareGradient() }
    return parameters
  }

  /// - Parameter step: from 1.
  func setGradients(_ parameters: [Parameter], step: Int) {
    fill(
      parameters.map(\.preparedGradient),
      from: inputs[step * elementCount..<(step + 1) * elementCount])
  }

  /// The parameters after each step of a case.
  func expected(_ name: String) throws -> [[Tensor]] {
    let all = try OptimizerFixture.floats(name)
    return rates.indices.map { step in
      let tensors = descriptions.map { Tensor(rows: $0.rows, columns: $0.columns) }
      fill(tensors, from: all[step * elementCount..<(step + 1) * elementCount])
      return tensors
    }
  }

  private func fill(_ tensors: [Tensor], from values: ArraySlice<Float>) {
    var next = values.startIndex
    for tensor in tensors {
      for row in 0..<tensor.rows {
        for column in 0..<tensor.columns {
          tensor.row(row)[column] = values[next]
          next += 1
        }
      }
    }
  }
}

extension Tensor {
  /// Numbers in −1…1 without a pattern that matters.
  func fillWithWaves(_ phase: Double, scale: Double = 1) {
    for row in 0..<rows {
      for column in 0..<columns {
        let position = Double(row * columns + column)
        self.row(row)[column] = Float(scale * sin(position * position * 0.37 + phase))
      }
    }
  }
}

/// Largest difference in parts of the largest magnitude expected; infinite when one is not finite.
func differenceOfLargest(_ found: Tensor, _ expected: Tensor) -> Double {
  let largest = expected.values.reduce(0) { max($0, Double(abs($1))) }
  return zip(found.values, expected.values).reduce(0) { worst, pair in
    let difference = abs(Double(pair.0) - Double(pair.1)) / largest
    return difference.isFinite ? max(worst, difference) : .infinity
  }
}
