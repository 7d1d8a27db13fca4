internal import ArgumentParser
internal import GPT

/// LoRA adapters on top of a model.
struct AdapterArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Folder of a LoRA adapter (PEFT's layout) to put on the model.",
      discussion: "Can be given several times; what the adapters add is summed.",
      valueName: "folder"))
  var adapter: [String] = []

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "Factor on what an adapter adds (default: 1).",
      discussion: "Given not at all or once for each --adapter, in the same order.",
      valueName: "factor"))
  var adapterScale: [Double] = []

  func validate() throws {
    guard adapterScale.isEmpty || adapterScale.count == adapter.count else {
      throw ValidationError(
        "Give --adapter-scale once for each --adapter, or not at all: found "
          + "\(adapterScale.count) for \(adapter.count).")
    }
    if adapterScale.contains(where: { !Float($0).isFinite }) {
      throw ValidationError("--adapter-scale must be a finite number.")
    }
  }

  var references: [AdapterReference] {
    adapter.enumerated().map { index, path in
      AdapterReference(path: path, scale: adapterScale.isEmpty ? 1 : Float(adapterScale[index]))
    }
  }
}
