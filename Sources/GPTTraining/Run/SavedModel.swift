package import GPTModel
package import GPTTensor

/// The kinds of models that a run may have.
package enum SavedKind: CaseIterable, Sendable {
  case model, adapter

  package var weightsName: String {
    switch self {
    case .model: "model.safetensors"
    case .adapter: "adapter_model.safetensors"
    }
  }

  package var configurationName: String {
    switch self {
    case .model: "config.json"
    case .adapter: "adapter_config.json"
    }
  }
}

/// A run's model as files: what its checkpoints and the top of its folder hold.
package protocol SavedModel {
  var kind: SavedKind { get }
  /// What the files hold, shared with who trains.
  var parameters: [Parameter] { get }

  /// Writes the files, each whole or not at all.
  func write(dtype: DType, to folder: String) throws(TrainingError)

  /// Finds and checks the weights of a folder.
  ///
  /// - Returns: puts them into the parameters, fp32 bit for bit.
  func open(_ folder: String) throws(TrainingError) -> () -> Void
}

extension SavedModel {
  /// Bytes of the weights in fp32.
  package var byteCount: Int { parameters.reduce(0) { $0 + 4 * $1.elementCount } }
}

/// A model folder in the Hugging Face layout.
package struct WholeModel: SavedModel {
  package var kind: SavedKind { .model }
  let configuration: ModelConfiguration
  /// All of the model's, also those that are not trained.
  package let parameters: [Parameter]
  /// nil: none is written, and the one that is there stays.
  let tokenizer: TokenizerCopy?

  package init(
    _ configuration: ModelConfiguration, _ parameters: [Parameter], tokenizer: TokenizerCopy?
  ) {
    self.configuration = configuration
    self.parameters = parameters
    self.tokenizer = tokenizer
  }

  /// - Parameter tokenizerFolder: read here and never again
  package init(
    _ configuration: ModelConfiguration, _ parameters: [Parameter], tokenizerFolder: String
  ) throws(TrainingError) {
    do throws(ModelError) {
      self.init(
        configuration, parameters, tokenizer: try TokenizerCopy(folder: tokenizerFolder))
    } catch { throw .model(error) }
  }

  package func write(dtype: DType, to folder: String) throws(TrainingError) {
    do {
      try saveModel(
        configuration: configuration, parameters: parameters, values: { $0.value }, dtype: dtype,
        tokenizer: tokenizer, to: folder)
    } catch { throw .model(error) }
  }

  package func open(_ folder: String) throws(TrainingError) -> () -> Void {
    do throws(ModelError) {
      let stored = try StoredParameters(configuration: configuration, folder: folder)
      return { stored.copy(to: parameters) }
    } catch { throw .model(error) }
  }
}
