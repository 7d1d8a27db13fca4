import Foundation
import GPTJSON
import GPTModel
import GPTOps
import GPTTensor
import GPTWeights
import Testing

/// Fixtures read into parameters, saved, and opened again.
@Suite struct SaveModelTests {
  @Test(arguments: [
    "gpt2", "gpt2-untied", "gpt2-published", "llama", "llama-rope-linear", "llama-rope-llama3",
    "llama-rope-yarn", "mistral", "qwen2",
  ])
  func aSavedModelGivesTheLogitsOfTheOriginal(name: String) throws {
    let original = try GoldenModel.folder(name).open()
    let parameters = makeParameters(original.configuration)
    try loadParameters(
      parameters, configuration: original.configuration, from: GoldenModel.folder(name).path)
    try withTemporaryFolder { folder in
      try save(original.configuration, parameters, tokenizer: name, to: folder)
      let saved = try GoldenModel(name: name, path: folder).open()
      #expect(saved.configuration == original.configuration)
      #expect(saved.stopTokens == original.stopTokens)
      let ids = try GoldenModel.folder(name).expectation().ids
      let (left, right) = try (logits(original, ids), logits(saved, ids))
      #expect(left == right)
      #expect(left.count == ids.count * original.configuration.vocabularySize)
    }
  }

  @Test(arguments: ["gpt2", "llama"])
  func parametersComeBackBitEqual(name: String) throws {
    let configuration = try GoldenModel.folder(name).open().configuration
    let saved = makeParameters(configuration)
    for (number, parameter) in saved.enumerated() {
      forEachElement(of: parameter.value) {
        $0 = Float(bitPattern: UInt32(truncatingIfNeeded: $1 * 2_654_435 + number))
      }
    }
    try withTemporaryFolder { folder in
      try save(configuration, saved, tokenizer: name, to: folder)
      let loaded = makeParameters(configuration)
      try loadParameters(loaded, configuration: configuration, from: folder)
      for (left, right) in zip(saved, loaded) {
        #expect(bits(left.value) == bits(right.value), "\(left.name)")
      }
    }
  }

  @Test(arguments: [DType.bf16, .f16])
  func halfPrecisionIsWithinItsRounding(dtype: DType) throws {
    let configuration = try GoldenModel.folder("gpt2").open().configuration
    let parameters = makeParameters(configuration)
    for parameter in parameters { forEachElement(of: parameter.value) { $0 = Float($1 % 97) / 96 } }
    try withTemporaryFolder { folder in
      try save(configuration, parameters, dtype: dtype, tokenizer: "gpt2", to: folder)
      let loaded = makeParameters(configuration)
      try loadParameters(loaded, configuration: configuration, from: folder)
      let step: Float = dtype == .bf16 ? 0x1p-8 : 0x1p-11
      for (left, right) in zip(parameters, loaded) {
        let pairs = zip(values(left.value), values(right.value))
        #expect(pairs.allSatisfy { abs($0 - $1) <= step * $0 }, "\(left.name)")
        #expect(pairs.contains { $0 != $1 } == (left.elementCount > 2), "\(left.name)")
      }
    }
  }

  @Test func theSameModelHasTheSameBytes() throws {
    let configuration = try GoldenModel.folder("llama").open().configuration
    let parameters = makeParameters(configuration)
    try withTemporaryFolder { one in
      try withTemporaryFolder { two in
        try save(configuration, parameters, tokenizer: "llama", to: one)
        try save(configuration, parameters, tokenizer: "llama", to: two)
        let names = try FileManager.default.contentsOfDirectory(atPath: one).sorted()
        #expect(
          names == [
            "config.json", "generation_config.json", "model.safetensors", "tokenizer.json",
            "tokenizer_config.json",
          ])
        for name in names {
          #expect(
            FileManager.default.contentsEqual(
              atPath: "\(one)/\(name)", andPath: "\(two)/\(name)"), "\(name)")
        }
      }
    }
  }

  @Test func theWeightsOfAnotherModelAreGoneBeforeItsConfigurationChanges() throws {
    let gpt2 = try GoldenModel.folder("gpt2").open().configuration
    let llama = try GoldenModel.folder("llama").open().configuration
    try withTemporaryFolder { folder in
      try save(gpt2, makeParameters(gpt2), tokenizer: "gpt2", to: folder)
      // The new weights cannot be written: a folder lies where their temporary file must go.
      let blocker = "\(folder)/model.safetensors.\(getpid()).partial"
      try FileManager.default.createDirectory(atPath: blocker, withIntermediateDirectories: false)
      #expect(
        message { try save(llama, makeParameters(llama), tokenizer: "llama", to: folder) }
          == "\(folder)/model.safetensors: cannot write it: Is a directory")
      #expect(
        message { _ = try GoldenModel(name: "llama", path: folder).open() }.contains("no weights"))
    }
  }

  @Test func aTokenizerOfAnotherKindIsRemoved() throws {
    let mistral = try GoldenModel.folder("mistral").open().configuration
    let llama = try GoldenModel.folder("llama").open().configuration
    try withTemporaryFolder { folder in
      try save(mistral, makeParameters(mistral), tokenizer: "mistral", to: folder)
      try save(llama, makeParameters(llama), tokenizer: "llama", to: folder)
      #expect(!FileManager.default.fileExists(atPath: folder + "/tokenizer.model"))
      #expect(try GoldenModel(name: "llama", path: folder).open().configuration == llama)
    }
  }

  @Test func aConfigurationThatTheFamilyCannotSayIsRefused() throws {
    var configuration = try GoldenModel.folder("gpt2").open().configuration
    configuration.logitSoftCap = 30
    try withTemporaryFolder { folder in
      let found = message {
        try save(configuration, makeParameters(configuration), tokenizer: "gpt2", to: folder)
      }
      #expect(found.hasPrefix("config.json: model_type is gpt2, expected a family"))
      let names = try FileManager.default.contentsOfDirectory(atPath: folder)
      #expect(names.isEmpty)
    }
  }

  @Test(arguments: [
    ("gpt2", "llama", #"config.json: model_type is "gpt2", expected "llama""#),
    ("llama", "gpt2", #"config.json: model_type is "llama", expected "gpt2""#),
    ("gpt2", "gpt2-untied", "config.json: n_embd is 48, expected 36"),
  ])
  func aFolderOfAnotherModelIsRefused(folder: String, model: String, expected: String) throws {
    let configuration = try GoldenModel.folder(model).open().configuration
    let parameters = makeParameters(configuration)
    #expect(
      message {
        try loadParameters(
          parameters, configuration: configuration, from: GoldenModel.folder(folder).path)
      } == expected)
  }

  @Test func nothingIsLoadedWhenATensorIsMissing() throws {
    let configuration = try GoldenModel.folder("llama").open().configuration
    let parameters = makeParameters(configuration)
    try withTemporaryFolder { folder in
      try save(configuration, parameters, tokenizer: "llama", to: folder)
      let path = folder + "/model.safetensors"
      let source = try SafetensorsFile(path: path)
      let rest = try source.tensorNames.dropLast().map { name in
        let stored = try source.required(name)
        return TensorToWrite(name: name, dtype: .f32, shape: stored.shape) { row, target in
          stored.dequantise(rows: row..<row + 1, into: target, rowStride: stored.columnCount)
          for column in 0..<stored.columnCount { target[column] = 7 }
        }
      }
      try writeSafetensors(rest, to: path)
      #expect(
        message { try loadParameters(parameters, configuration: configuration, from: folder) }
          == "model.safetensors: tensor 'model.layers.1.post_attention_layernorm.weight' is missing"
      )
      #expect(parameters.allSatisfy { values($0.value).allSatisfy { $0 == 0 } })
    }
  }

  private func save(
    _ configuration: ModelConfiguration, _ parameters: [Parameter], dtype: DType = .f32,
    tokenizer: String, to folder: String
  ) throws {
    try saveModel(
      configuration: configuration, parameters: parameters, values: { $0.value }, dtype: dtype,
      tokenizer: TokenizerCopy(folder: GoldenModel.folder(tokenizer).path), to: folder)
  }

  private func logits(_ model: OpenedModel, _ ids: [Int32]) throws -> [UInt32] {
    try model.transformer.forward(ids, cache: model.transformer.makeCache(), logits: .all)
      .map(\.bitPattern)
  }
}

/// All parameters of a configuration, named and shaped as training wants them, all zeros.
func makeParameters(_ model: ModelConfiguration) -> [Parameter] {
  let (queries, keys) = (
    model.headCount * model.headWidth, model.keyValueHeadCount * model.headWidth
  )
  let isLayerNorm = model.normalisation == .layerNorm
  var shapes: [(String, Int, Int)] = [("tokenEmbedding", model.vocabularySize, model.width)]
  if model.position == .learned {
    shapes.append(("positionEmbedding", model.contextLength, model.width))
  }
  shapes.append(("outputNormGain", 1, model.width))
  if isLayerNorm { shapes.append(("outputNormBias", 1, model.width)) }
  if !model.tiedOutput { shapes.append(("output", model.vocabularySize, model.width)) }
  for index in 0..<model.blockCount {
    func add(_ name: String, _ rows: Int, _ columns: Int, when present: Bool = true) {
      if present { shapes.append(("blocks.\(index).\(name)", rows, columns)) }
    }
    for (name, outputs) in [("query", queries), ("key", keys), ("value", keys)] {
      add(name, outputs, model.width)
      add(name + "Bias", 1, outputs, when: model.queryKeyValueBias)
    }
    add("attentionOutput", model.width, queries)
    add("attentionOutputBias", 1, model.width, when: model.attentionOutputBias)
    add("gate", model.hiddenWidth, model.width, when: model.feedForward == .gatedSilu)
    add("up", model.hiddenWidth, model.width)
    add("upBias", 1, model.hiddenWidth, when: model.feedForwardBias)
    add("down", model.width, model.hiddenWidth)
    add("downBias", 1, model.width, when: model.feedForwardBias)
    for norm in ["attentionNorm", "feedForwardNorm"] {
      add(norm + "Gain", 1, model.width)
      add(norm + "Bias", 1, model.width, when: isLayerNorm)
    }
  }
  return shapes.map { name, rows, columns in
    Parameter(name: name, value: Tensor(rows: rows, columns: columns), decays: rows > 1)
  }
}

private func forEachElement(of tensor: Tensor, _ body: (inout Float, Int) -> Void) {
  for row in 0..<tensor.rows {
    for column in 0..<tensor.columns {
      body(&tensor.row(row)[column], row * tensor.columns + column)
    }
  }
}

private func values(_ tensor: Tensor) -> [Float] {
  (0..<tensor.rows).flatMap { row in
    (0..<tensor.columns).map { tensor.row(row)[$0] }
  }
}

private func bits(_ tensor: Tensor) -> [UInt32] { values(tensor).map(\.bitPattern) }

private func withTemporaryFolder(_ body: (String) throws -> Void) throws {
  let folder = FileManager.default.temporaryDirectory.path + "/gpt-save-\(UUID().uuidString)"
  try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
  defer { try? FileManager.default.removeItem(atPath: folder) }
  try body(folder)
}

/// The text of the error that `work` throws, or "no error".
private func message(_ work: () throws -> Void) -> String {
  do { try work() } catch { return "\(error)" }
  return "no error"
}
