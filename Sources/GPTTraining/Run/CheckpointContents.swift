package import GPTModel
package import GPTTensor

/// The tensors of a run: what a checkpoint saves, and what loading one overwrites.
///
/// Tensors are shared with their owners, so that loading restores model and optimizer in place.
package struct CheckpointContents {
  package typealias NamedTensor = (name: String, tensor: Tensor)

  package let configuration: ModelConfiguration
  package let parameters: [Parameter]
  /// `Optimizer.state`
  package let optimizerState: [NamedTensor]
  /// `WeightAverage.state`; empty without averages.
  package let averages: [NamedTensor]
  let tokenizer: TokenizerCopy?

  /// - Parameter tokenizerFolder: read here and never again
  package init(
    configuration: ModelConfiguration, parameters: [Parameter], optimizerState: [NamedTensor],
    averages: [NamedTensor] = [], tokenizerFolder: String?
  ) throws(TrainingError) {
    self.configuration = configuration
    self.parameters = parameters
    self.optimizerState = optimizerState
    self.averages = averages
    do throws(ModelError) {
      tokenizer = try tokenizerFolder.map { path throws(ModelError) in
        try TokenizerCopy(folder: path)
      }
    } catch { throw .model(error) }
  }

  var stateTensors: [NamedTensor] { optimizerState + averages }

  /// Bytes of model.safetensors in fp32.
  package var modelBytes: Int { parameters.reduce(0) { $0 + 4 * $1.elementCount } }

  /// Bytes of one checkpoint, its small files aside.
  package var checkpointBytes: Int {
    stateTensors.reduce(modelBytes) { $0 + 4 * $1.tensor.rows * $1.tensor.columns }
  }
}
