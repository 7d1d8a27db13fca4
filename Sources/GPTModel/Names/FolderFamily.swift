/// A family of Hugging Face folders: how its config.json is read and its tensors are named.
struct FolderFamily {
  static let architectures = ["gpt2"] + Llama.architectures

  /// The `model_type`, one of `architectures`.
  let architecture: String

  var names: TensorNames { architecture == "gpt2" ? GPT2.folderNames : Llama.folderNames }

  func configuration(_ reader: JSONConfiguration) throws(ModelError) -> ModelConfiguration {
    architecture == "gpt2"
      ? try GPT2.configuration(reader)
      : try Llama.configuration(reader, architecture: architecture)
  }
}
