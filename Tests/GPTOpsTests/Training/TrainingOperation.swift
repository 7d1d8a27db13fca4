import GPTOps
import GPTTensor
import TestSupport
import Testing

/// An operation of training behind one face, so that one test asks the same of all of them.
struct TrainingOperation: Sendable, CustomTestStringConvertible {
  typealias Shape = (rows: Int, columns: Int)

  let name: String
  let inputs: [Shape]
  /// Everything that the operation writes; it may change its inputs.
  let run: @Sendable (_ inputs: [Tensor], ComputeContext) -> [Tensor]

  var testDescription: String { name }

  static let all: [TrainingOperation] =
    products + layers + norms + elementwise + attention + losses
}

/// A parameter with that value, whose gradient is `gradient`'s elements at first.
private func parameter(_ value: Tensor, gradient: Tensor? = nil) -> Parameter {
  let parameter = Parameter(name: "parameter", value: value, decays: true)
  parameter.prepareGradient()
  if let gradient {
    parameter.gradient?.pointer.update(
      from: gradient.pointer, count: gradient.rows * gradient.stride)
  }
  return parameter
}

extension TrainingOperation {
  fileprivate static let products: [TrainingOperation] = (0..<8).map { bits in
    let (left, right, adds) = (bits & 1 != 0, bits & 2 != 0, bits & 4 != 0)
    let (rows, depth, columns) = (37, 83, 75)
    return TrainingOperation(
      name: "multiply\(left ? " left transposed" : "")\(right ? " right transposed" : "")"
        + "\(adds ? " adding" : "")",
      inputs: [
        left ? (depth, rows) : (rows, depth), right ? (columns, depth) : (depth, columns),
        (rows, columns),
      ]
    ) { x, context in
      multiply(
        left ? x[0].matrix.transposed : x[0].matrix, right ? x[1].matrix.transposed : x[1].matrix,
        into: x[2].matrix, accumulate: adds, in: context)
      return [x[2]]
    }
  }

  fileprivate static let layers: [TrainingOperation] = [
    TrainingOperation(
      name: "project", inputs: [(37, 19), (23, 19), (1, 23), (50, 19)]
    ) { x, context in
      let outputs = [Tensor(rows: 37, columns: 23), Tensor(rows: 37, columns: 50)]
      let layers = [
        Linear(weight: .parameter(parameter(x[1])), bias: parameter(x[2])),
        Linear(weight: .parameter(parameter(x[3])), bias: nil),
      ]
      project(RowSource(x[0]), Array(zip(layers, outputs)), scratch: Workspace(), in: context)
      return outputs
    },
    TrainingOperation(
      name: "projectBackward",
      inputs: [(37, 19), (23, 19), (1, 23), (50, 19), (37, 23), (37, 50)]
    ) { x, context in
      let weights = [parameter(x[1], gradient: x[1]), parameter(x[3], gradient: x[3])]
      let bias = parameter(x[2], gradient: x[2])
      let layers = [
        Linear(weight: .parameter(weights[0]), bias: bias),
        Linear(weight: .parameter(weights[1]), bias: nil),
      ]
      let dx = Tensor(rows: 37, columns: 19)
      projectBackward(
        RowSource(x[0]), Array(zip(layers, [x[4], x[5]])), into: dx, scratch: Workspace(),
        in: context)
      return [dx] + (weights + [bias]).compactMap(\.gradient)
    },
    TrainingOperation(name: "addColumnSums", inputs: [(130, 300), (1, 300)]) { x, context in
      addColumnSums(of: x[0], to: x[1], in: context)
      return [x[1]]
    },
    TrainingOperation(name: "embed", inputs: [(7, 35), (12, 35)]) { x, context in
      let out = Tensor(rows: 30, columns: 35)
      embed(
        (0..<30).map { Int32($0 * $0 % 7) }, places: (0..<30).map { Int32($0 % 10) },
        tokens: x[0], positions: x[1], into: out, in: context)
      return [out]
    },
    TrainingOperation(
      name: "embedBackward", inputs: [(30, 300), (7, 300), (12, 300)]
    ) { x, context in
      let (tokens, positions) = (parameter(x[1], gradient: x[1]), parameter(x[2]))
      embedBackward(
        x[0], ids: (0..<30).map { Int32($0 * $0 % 7) }, places: (0..<30).map { Int32($0 % 10) },
        tokens: tokens, positions: positions, in: context)
      return [tokens, positions].compactMap(\.gradient)
    },
  ]

  fileprivate static let norms: [TrainingOperation] = [
    TrainingOperation(
      name: "layerNormBackward", inputs: [(150, 35), (150, 35), (1, 35), (150, 35)]
    ) { x, context in
      let (gain, bias) = (parameter(x[2]), parameter(x[2], gradient: x[2]))
      layerNormBackward(
        x[0], x: x[1], gain: gain, bias: bias, epsilon: 1e-5, into: x[3], scratch: Workspace(),
        in: context)
      return [x[3]] + [gain, bias].compactMap(\.gradient)
    },
    TrainingOperation(
      name: "rmsNormBackward", inputs: [(150, 35), (150, 35), (1, 35), (150, 35)]
    ) { x, context in
      let gain = parameter(x[2], gradient: x[2])
      rmsNormBackward(
        x[0], x: x[1], gain: gain, epsilon: 1e-5, into: x[3], scratch: Workspace(), in: context)
      return [x[3]] + [gain].compactMap(\.gradient)
    },
  ]

  fileprivate static let elementwise: [TrainingOperation] = [
    TrainingOperation(name: "geluTanhBackward", inputs: [(37, 35), (37, 35)]) { x, context in
      let dx = Tensor(rows: 37, columns: 35)
      geluTanhBackward(x[0], x: x[1], into: dx, in: context)
      return [dx]
    },
    TrainingOperation(
      name: "siluProductBackward", inputs: [(37, 35), (37, 35), (37, 35)]
    ) { x, context in
      let (dgate, dup) = (Tensor(rows: 37, columns: 35), Tensor(rows: 37, columns: 35))
      siluProductBackward(x[0], gate: x[1], up: x[2], dgate: dgate, dup: dup, in: context)
      return [dgate, dup]
    },
    TrainingOperation(name: "rotateBackward", inputs: [(12, 50)]) { x, context in
      let table = RotaryTable(
        positions: [0, 1, 7, 9], frequencies: [1, 0.5, 0.1, 0.03, 0.01], scale: 1)
      rotateBackward(x[0], headCount: 5, headWidth: 10, by: table, in: context)
      return [x[0]]
    },
    TrainingOperation(name: "drop", inputs: [(37, 35)]) { x, context in
      drop(x[0], Dropout(probability: 0.3, key: 5), into: x[0], in: context)
      return [x[0]]
    },
  ]

  fileprivate static let attention: [TrainingOperation] = [(nil, 0, nil), (20, 1.5, Float(0.2))]
    .flatMap { (window: Int?, cap: Float, share: Float?) -> [TrainingOperation] in
      let sequences = SequenceShape(count: 2, length: 67)
      let shape = AttentionShape(
        headCount: 4, keyValueHeadCount: 2, headWidth: 6, scale: 0.4, softCap: cap, window: window)
      let dropout = share.map { Dropout(probability: $0, key: 3) }
      let name = window == nil ? "" : " with window, cap and dropout"
      let forward: @Sendable ([Tensor], ComputeContext) -> [Tensor] = { x, context in
        let (out, logSums) = (Tensor(rows: 134, columns: 24), Tensor(rows: 8, columns: 67))
        attendSequences(
          queries: x[0], keys: x[1], values: x[2], sequences: sequences, shape: shape,
          dropout: dropout, into: out, logSums: logSums, in: context)
        return [out, logSums]
      }
      return [
        TrainingOperation(
          name: "attendSequences\(name)", inputs: [(134, 24), (134, 12), (134, 12)], run: forward),
        TrainingOperation(
          name: "attendSequencesBackward\(name)",
          inputs: [(134, 24), (134, 12), (134, 12), (134, 24)]
        ) { x, context in
          let made = forward(x, context)
          let gradients = [24, 12, 12].map { Tensor(rows: 134, columns: $0) }
          attendSequencesBackward(
            x[3], out: made[0], queries: x[0], keys: x[1], values: x[2], logSums: made[1],
            sequences: sequences, shape: shape, dropout: dropout, dqueries: gradients[0],
            dkeys: gradients[1], dvalues: gradients[2], scratch: Workspace(), in: context)
          return gradients
        },
      ]
    }

  fileprivate static let losses: [TrainingOperation] = [
    (Float(0), Float(0), nil), (0.1, 0.01, nil), (0, 0, Float(0.3)),
  ].map { (smoothing: Float, zLoss: Float, share: Float?) in
    let what =
      share != nil
      ? " with row factors and a teacher" : smoothing > 0 ? " with smoothing and z-loss" : ""
    return TrainingOperation(
      name: "crossEntropy\(what)",
      inputs: [(37, 19), (61, 19)] + (share == nil ? [] : [(37, 11), (61, 11), (1, 37)])
    ) { x, context in
      var options = LossOptions()
      options.labelSmoothing = smoothing
      options.zLoss = zLoss
      let (dx, weight) = (Tensor(rows: 37, columns: 19), parameter(x[1], gradient: x[1]))
      let teacher = share.map { share in
        var options = DistillationOptions()
        options.weight = share
        return Teacher(
          rows: x[2], output: Linear(weight: .parameter(parameter(x[3])), bias: nil),
          options: options, context: context)
      }
      let loss = crossEntropy(
        x[0], weight: .parameter(weight), targets: (0..<37).map { Int32($0 % 5 == 2 ? -1 : $0) },
        options: options, rowFactors: share.map { _ in x[4].values }, teacher: teacher,
        gradients: (dx: dx, scale: 1), scratch: Workspace(), in: context)
      let numbers = [loss.total, loss.negativeLogLikelihood]
      return [dx] + [weight].compactMap(\.gradient)
        + [Tensor(rows: 1, values: numbers.map { Float($0) })]
    }
  }
}
