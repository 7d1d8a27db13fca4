import Foundation
package import GPTJSON
package import GPTModel
package import GPTOps
package import GPTTensor

/// A tiny model of `Tests/Fixtures/training` with what PyTorch computed when it trained it
/// (`tools/golden_training.py`).
package struct TrainingFixture: Sendable, CustomStringConvertible {
  package let name: String

  package static let all = ["gpt2", "llama", "llama-tied"].map(TrainingFixture.init)

  package var description: String { name }

  private var folder: String {
    let parts = #filePath.split(separator: "/").dropLast(2)
    return "/" + parts.joined(separator: "/") + "/Fixtures/training/" + name
  }

  /// The numbers of golden.json.
  package func golden() throws -> JSONValue { try json("golden.json") }

  package func batch(_ index: Int) throws -> TokenBatch {
    let file = try json("batches.json")
    let batch = file["batches"]?.array?[index]
    func ids(_ key: String) -> [Int32] {
      (batch?[key]?.array ?? []).compactMap { $0.integer.map(Int32.init) }
    }
    return TokenBatch(
      sequenceCount: file["sequences"]?.integer ?? 0, length: file["length"]?.integer ?? 0,
      inputs: ids("inputs"), targets: ids("targets"))
  }

  /// The shapes of the models of `tools/golden_training.py`; loading compares them with config.json.
  package func configuration() throws -> ModelConfiguration {
    let isLlama = name != "gpt2"
    var shape = ModelShape(
      family: isLlama ? .llama : .gpt2, blockCount: 2, width: 24, headCount: 4, contextLength: 16)
    shape.keyValueHeadCount = isLlama ? 2 : 4
    shape.hiddenWidth = isLlama ? 40 : 44
    shape.tiedOutput = name != "llama"
    var configuration = try shape.configuration(vocabularySize: 61)
    if name == "llama" {
      configuration.headWidth = 8
      configuration.position = .rotary(RotaryConfiguration(base: 10_000, width: 8))
    }
    return configuration
  }

  /// The model with its initial weights.
  package func model(
    _ options: TrainingModelOptions = TrainingModelOptions(), in context: ComputeContext
  ) throws -> TrainingModel {
    let configuration = try configuration()
    let model = TrainingModel(
      configuration: configuration, options: options, context: context, seed: 1)
    try loadParameters(model.parameters, configuration: configuration, from: folder)
    return model
  }

  /// Gradients of a file, as values of parameters: they are stored like weights, so they are read
  /// as those of a model.
  package func gradients(_ file: String, in context: ComputeContext) throws -> [Parameter] {
    let model = try model(in: context)
    try withTemporaryFolder { temporary in
      for (source, target) in [("config.json", "config.json"), (file, "model.safetensors")] {
        try FileManager.default.copyItem(
          atPath: "\(folder)/\(source)", toPath: "\(temporary)/\(target)")
      }
      try loadParameters(
        model.parameters, configuration: model.configuration, from: temporary)
    }
    return model.parameters
  }

  private func json(_ file: String) throws -> JSONValue {
    let text = try readSmallFile(path: "\(folder)/\(file)", limit: 1 << 20)
    return try text.withUnsafeBytes { try JSONParser.parse($0) }
  }
}
