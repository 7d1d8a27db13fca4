package import GPTTensor

/// The tensors of a run: what a checkpoint saves, and what loading one overwrites.
///
/// Tensors are shared with their owners, so that loading restores model and optimizer in place.
package struct CheckpointContents {
  package typealias NamedTensor = (name: String, tensor: Tensor)

  package let model: any SavedModel
  /// `Optimizer.state`
  package let optimizerState: [NamedTensor]
  /// `WeightAverage.state`; empty without averages.
  package let averages: [NamedTensor]

  package init(
    _ model: any SavedModel, optimizerState: [NamedTensor], averages: [NamedTensor] = []
  ) {
    self.model = model
    self.optimizerState = optimizerState
    self.averages = averages
  }

  var stateTensors: [NamedTensor] { optimizerState + averages }

  /// Bytes of one checkpoint, its small files aside.
  package var checkpointBytes: Int {
    stateTensors.reduce(model.byteCount) { $0 + 4 * $1.tensor.rows * $1.tensor.columns }
  }
}
