/// A matrix of the model as PEFT sees it: a module of the Hugging Face class.
///
/// Names come from the family's table, so an adapter for a .gguf base is named like one for the
/// folder that it was made from. Tensor names: Hugging Face peft 0.21, `get_peft_model_state_dict`.
struct AdapterModule {
  /// What a module multiplies by; its outputs follow those of the part before it.
  struct Part {
    let target: AdapterTarget
    let outputs: Int
  }

  let block: Int
  /// "model.layers.0.self_attn.q_proj"
  let name: String
  /// What tells it from the other modules of a block: "q_proj", "attn.c_proj".
  let shortName: String
  /// One, or query, key and value of GPT-2's fused projection.
  let parts: [Part]
  let inputs: Int

  var outputs: Int { parts.reduce(0) { $0 + $1.outputs } }
  var downName: String { AdapterModule.prefix + name + AdapterModule.downSuffix }
  var upName: String { AdapterModule.prefix + name + AdapterModule.upSuffix }

  /// PEFT's wrapper and its tuner, which hold the model.
  static let prefix = "base_model.model."
  static let downSuffix = ".lora_A.weight"
  static let upSuffix = ".lora_B.weight"

  /// Every matrix of the blocks that can be adapted, block by block.
  static func all(in configuration: ModelConfiguration) -> [AdapterModule] {
    let names = FolderFamily(architecture: configuration.architecture).names
    let kinds = configuration.blockTensors(of: names).compactMap { Kind($0, names: names) }
    let prefix = names.prefixes.first ?? ""
    return (0..<configuration.blockCount).flatMap { block in
      kinds.map { kind in
        let parts = zip(kind.targets, kind.tensor.parts).map { target, tensor in
          Part(target: target, outputs: configuration.shape(of: tensor)[0])
        }
        return AdapterModule(
          block: block, name: prefix + kind.template.replacing("#", with: String(block)),
          shortName: kind.shortName(among: kinds), parts: parts,
          inputs: configuration.shape(of: kind.tensor)[1])
      }
    }
  }

  /// A module of every block.
  private struct Kind {
    let tensor: BlockTensor
    let targets: [AdapterTarget]
    /// "layers.#.self_attn.q_proj"
    let template: String

    /// nil for norms and biases.
    init?(_ tensor: BlockTensor, names: TensorNames) {
      targets = tensor.parts.compactMap { AdapterTarget(rawValue: "\($0)") }
      guard targets.count == tensor.parts.count, let name = names.block[tensor],
        name.hasSuffix(".weight")
      else { return nil }
      self.tensor = tensor
      template = String(name.dropLast(".weight".count))
    }

    /// The fewest last components that no other module of the block ends in.
    func shortName(among kinds: [Kind]) -> String {
      let own = template.split(separator: ".")
      for count in 1..<own.count {
        let ending = own.suffix(count)
        let others = kinds.filter { $0.tensor != tensor }
        if !others.contains(where: { $0.template.split(separator: ".").suffix(count) == ending }) {
          return ending.joined(separator: ".")
        }
      }
      return template
    }
  }
}
