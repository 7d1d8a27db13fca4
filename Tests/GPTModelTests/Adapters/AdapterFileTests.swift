import Foundation
import GPTModel
import GPTOps
import GPTTensor
import GPTWeights
import TestSupport
import Testing

@Suite struct AdapterFileTests {
  struct Shape: Sendable, CustomStringConvertible {
    let base: String
    var targets = Set(AdapterTarget.allCases)
    var rank = 3
    var isRankStabilised = false

    var description: String { "\(base) rank \(rank), \(targets.count) targets" }

    var options: AdapterOptions {
      var options = AdapterOptions()
      options.rank = rank
      options.alpha = 7
      options.dropout = 0.1
      options.targets = targets
      options.isRankStabilised = isRankStabilised
      return options
    }
  }

  @Test(arguments: [
    Shape(base: "llama"), Shape(base: "llama", rank: 1), Shape(base: "llama", targets: [.gate]),
    Shape(base: "qwen2", targets: [.query, .value], rank: 17, isRankStabilised: true),
    Shape(base: "gpt2"), Shape(base: "gpt2", targets: [.query, .value], isRankStabilised: true),
    Shape(base: "gpt2", targets: [.key], rank: 1), Shape(base: "gpt2", targets: [.down]),
    Shape(base: "gpt2-published", targets: [.query, .key, .value, .attentionOutput]),
  ])
  func anAdapterComesBackBitEqual(shape: Shape) throws {
    let configuration = try GoldenModel.folder(shape.base).open().configuration
    let adapter = randomAdapter(shape.options, configuration)
    try withTemporaryFolder { folder in
      try saveAdapter(adapter, configuration: configuration, baseName: shape.base, to: folder)
      let loaded = try loadAdapter(from: folder, configuration: configuration)
      #expect(contents(of: loaded) == contents(of: adapter))
      #expect(loaded.layers.map(\.down.name) == adapter.layers.map(\.down.name))
      var options = shape.options
      options.targets = Set(adapter.layers.map(\.target))
      #expect(loaded.options == options)
    }
  }

  @Test(arguments: ["llama", "gpt2"])
  func aNewAdapterComesBackThoughItsBIsZero(base: String) throws {
    let configuration = try GoldenModel.folder(base).open().configuration
    let adapter = Adapter(options: AdapterOptions(), configuration: configuration, seed: 3)
    try withTemporaryFolder { folder in
      try saveAdapter(adapter, configuration: configuration, baseName: nil, to: folder)
      let loaded = try loadAdapter(from: folder, configuration: configuration)
      #expect(contents(of: loaded) == contents(of: adapter))
    }
  }

  @Test(arguments: GoldenAdapter.stored)
  func anAdapterOfPEFTComesBackBitEqual(name: String) throws {
    let base = try GoldenAdapter(name: name).expectation().base
    let configuration = try GoldenModel.folder(base).open().configuration
    let folder = GoldenAdapter.folder(name)
    let adapter = try loadAdapter(from: folder, configuration: configuration)
    try withTemporaryFolder { copy in
      try saveAdapter(adapter, configuration: configuration, baseName: base, to: copy)
      let again = try loadAdapter(from: copy, configuration: configuration)
      #expect(contents(of: again) == contents(of: adapter))
      let (theirs, ours) = try (tensors(folder), tensors(copy))
      #expect(ours == theirs, "the tensors of PEFT have other names, shapes or numbers")
    }
  }

  /// Without our note GPT-2's joined adapter is what PEFT makes of it: one with a shared A.
  @Test func aJoinedAdapterDoesTheSameWithoutItsNote() throws {
    let base = GoldenModel.folder("gpt2")
    let configuration = try base.open().configuration
    let adapter = randomAdapter(Shape(base: "gpt2").options, configuration)
    try withTemporaryFolder { folder in
      try saveAdapter(adapter, configuration: configuration, baseName: nil, to: folder)
      let apart = try logits(base.path, adapter: folder)
      try rewrite(folder) { $0 }
      let joined = try loadAdapter(from: folder, configuration: configuration)
      #expect(joined.layers.first?.down.value.rows == 9)
      let together = try logits(base.path, adapter: folder)
      let difference = largestDifference(apart, together)
      #expect(difference <= 1e-4, "\(difference)")
      #expect(largestDifference(apart, try logits(base.path, adapter: nil)) > 1)
    }
  }

  @Test func partsOfGPT2sProjectionMayHaveRanksAndScalesOfTheirOwn() throws {
    let base = GoldenModel.folder("gpt2")
    let configuration = try base.open().configuration
    var random = TestRandom(seed: 11)
    let parts: [(AdapterTarget, Int, Float)] = [(.query, 2, 1.5), (.value, 3, -0.25)]
    let layers = parts.map { target, rank, scale in
      AdapterLayer(
        block: 1, target: target, down: random.tensor(rows: rank, columns: 48),
        up: random.tensor(rows: 48, columns: rank), scale: scale)
    }
    try withTemporaryFolder { folder in
      try saveAdapter(
        Adapter(options: AdapterOptions(), layers: layers), configuration: configuration,
        baseName: nil, to: folder)
      let model = try base.open()
      let ids: [Int32] = [5, 99, 17, 3]
      let expected = model.transformer.adapted(
        by: [(Adapter(options: AdapterOptions(), layers: layers), 1)])
      let wanted = try expected.forward(ids, cache: expected.makeCache(), logits: .all)
      let found = try logits(base.path, adapter: folder, ids: ids)
      let difference = largestDifference(wanted, found)
      #expect(difference <= 1e-4, "\(difference)")
    }
  }

  @Test(arguments: [DType.f16, .bf16])
  func halfPrecisionIsWithinItsRounding(dtype: DType) throws {
    let configuration = try GoldenModel.folder("llama").open().configuration
    let adapter = randomAdapter(AdapterOptions(), configuration)
    try withTemporaryFolder { folder in
      try saveAdapter(
        adapter, configuration: configuration, baseName: nil, dtype: dtype, to: folder)
      let loaded = try loadAdapter(from: folder, configuration: configuration)
      let step: Float = dtype == .bf16 ? 0x1p-8 : 0x1p-11
      for (left, right) in zip(adapter.parameters, loaded.parameters) {
        let pairs = zip(left.value.values, right.value.values)
        #expect(pairs.allSatisfy { abs($0 - $1) <= step * abs($0) + 1e-7 }, "\(left.name)")
      }
    }
  }

  @Test func theConfigurationIsWhatPEFTReads() throws {
    let configuration = try GoldenModel.folder("gpt2").open().configuration
    let adapter = randomAdapter(Shape(base: "gpt2").options, configuration)
    try withTemporaryFolder { folder in
      try saveAdapter(adapter, configuration: configuration, baseName: "some/gpt2", to: folder)
      let text = try String(contentsOfFile: folder + "/adapter_config.json", encoding: .utf8)
      #expect(
        text == """
          {"alpha_pattern":{"c_attn":21},"auto_mapping":null,\
          "base_model_name_or_path":"some/gpt2","bias":"none","fan_in_fan_out":true,\
          "inference_mode":true,"init_lora_weights":true,"layers_pattern":null,\
          "layers_to_transform":null,"lora_alpha":7,"lora_dropout":0.1,"modules_to_save":null,\
          "peft_type":"LORA","r":3,"rank_pattern":{"c_attn":9},"revision":null,\
          "target_modules":["c_attn","attn.c_proj","c_fc","mlp.c_proj"],\
          "task_type":"CAUSAL_LM","use_dora":false,"use_rslora":false}

          """)
      let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
      #expect(names == ["adapter_config.json", "adapter_model.safetensors"])
    }
  }

  @Test func weightsAreGoneBeforeTheirConfigurationChanges() throws {
    let configuration = try GoldenModel.folder("llama").open().configuration
    try withTemporaryFolder { folder in
      func save(rank: Int) throws {
        let adapter = randomAdapter(Shape(base: "llama", rank: rank).options, configuration)
        try saveAdapter(adapter, configuration: configuration, baseName: nil, to: folder)
      }
      try save(rank: 2)
      // The new weights cannot be written: a folder lies where their temporary file must go.
      let blocker = "\(folder)/adapter_model.safetensors.\(getpid()).partial"
      try FileManager.default.createDirectory(atPath: blocker, withIntermediateDirectories: false)
      #expect(throws: ModelError.self) { try save(rank: 3) }
      #expect(!FileManager.default.fileExists(atPath: folder + "/adapter_model.safetensors"))
    }
  }

  private func logits(_ base: String, adapter: String?, ids: [Int32] = [1, 60, 7, 130, 2]) throws
    -> [Float]
  {
    let adapters = [adapter].compactMap(\.self).map { (path: $0, scale: Float(1)) }
    let model = try openModel(base, adapters: adapters)
    return try model.transformer.forward(ids, cache: model.transformer.makeCache(), logits: .all)
  }
}

/// Writes an adapter's tensors anew, without metadata, under the names that `rename` makes; nil
/// leaves one out.
func rewrite(_ folder: String, _ rename: (String) -> String?) throws {
  let path = folder + "/adapter_model.safetensors"
  let source = try SafetensorsFile(path: path)
  let tensors = try source.tensorNames.compactMap { name -> TensorToWrite? in
    let stored = try source.required(name)
    return rename(name).map { name in
      TensorToWrite(name: name, dtype: .f32, shape: stored.shape) { row, target in
        stored.dequantise(rows: row..<row + 1, into: target, rowStride: stored.columnCount)
      }
    }
  }
  try writeSafetensors(tensors, to: path)
}

/// Shape and numbers of every tensor of an adapter.
private func tensors(_ folder: String) throws -> [String: [Float]] {
  let source = try SafetensorsFile(path: folder + "/adapter_model.safetensors")
  var result: [String: [Float]] = [:]
  for name in source.tensorNames {
    let stored = try source.required(name)
    result[name] = stored.shape.map(Float.init) + stored.dequantised()
  }
  return result
}
