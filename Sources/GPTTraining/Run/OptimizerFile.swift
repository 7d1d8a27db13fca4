import GPTTensor
import GPTWeights

/// `optimizer.safetensors`: the optimizer's moments and the averages of weights, all fp32.
enum OptimizerFile {
  static let name = "optimizer.safetensors"

  static func write(_ tensors: [CheckpointContents.NamedTensor], to path: String)
    throws(TrainingError)
  {
    let rows = tensors.map { name, tensor in
      TensorToWrite(name: name, dtype: .f32, shape: [tensor.rows, tensor.columns]) { row, target in
        target.update(from: tensor.row(row), count: tensor.columns)
      }
    }
    do { try writeSafetensors(rows, to: path) } catch { throw .weights(error) }
  }

  /// The stored tensors in the order of `tensors`, checked to be these and no others.
  static func open(_ path: String, holding tensors: [CheckpointContents.NamedTensor])
    throws(TrainingError) -> [StoredTensor]
  {
    do throws(WeightsError) {
      let source = try SafetensorsFile(path: path)
      let expected = Set(tensors.map(\.name))
      if let other = source.tensorNames.first(where: { !expected.contains($0) }) {
        throw WeightsError.invalid(
          file: source.location, item: "tensor '\(other.printable())'",
          found: "belongs to another optimizer",
          expected: "the \(expected.count) tensors of this one")
      }
      var result: [StoredTensor] = []
      for (name, tensor) in tensors {
        let stored = try source.required(
          name, shape: [tensor.rows, tensor.columns], reason: "of this optimizer")
        guard stored.dtype == .f32 else {
          throw WeightsError.invalid(
            file: source.location, item: "tensor '\(name.printable())'",
            found: "has type \(stored.dtype.rawValue)", expected: "F32")
        }
        result.append(stored)
      }
      return result
    } catch { throw .weights(error) }
  }
}
