import GPTJSON
import GPTModel
import GPTOps
import GPTTensor
import GPTWeights
import Testing

/// An adapter of a model of `Tests/Fixtures/models`, and what peft and PyTorch computed with it
/// (`tools/golden_finetuning.py`).
struct FinetuningFixture: Sendable, CustomTestStringConvertible {
  let name: String
  /// The numbers of golden.json.
  let golden: JSONValue

  static let names = ["llama", "gpt2"]

  var testDescription: String { name }

  init(_ name: String) throws {
    self.name = name
    let text = try readSmallFile(path: Self.folder(name) + "/golden.json", limit: 1 << 20)
    golden = try text.withUnsafeBytes { try JSONParser.parse($0) }
  }

  private static func folder(_ name: String) -> String {
    let parts = #filePath.split(separator: "/").dropLast(3)
    return "/" + parts.joined(separator: "/") + "/Fixtures/finetuning/" + name
  }

  /// The model with the fixture's adapter on it.
  func model(
    _ options: TrainingModelOptions = TrainingModelOptions(), precision: Precision = .fp32,
    threads: Int = 2, level: KernelLevel? = nil
  ) throws -> TrainingModel {
    let opened = try GoldenModel.folder(name)
      .open(precision: precision, threads: threads, level: level)
    return TrainingModel(adapting: opened, adapter: try adapter(), options: options)
  }

  func teacher(level: KernelLevel? = nil) throws -> OpenedModel {
    let name = try #require(golden["distillation"]?["teacher"]?.string)
    return try GoldenModel.folder(name).open(threads: 2, level: level)
  }

  /// The student of its teacher.
  func distillation(_ student: TrainingModel, level: KernelLevel? = nil) throws
    -> DistillationModel
  {
    try DistillationModel(
      student: student, tokenizer: GoldenModel.folder(name).open().tokenizer,
      teacher: teacher(level: level), location: "teacher",
      temperature: number("distillation", "temperature"), weight: number("distillation", "weight"))
  }

  func number(_ part: String, _ key: String) throws -> Float {
    Float(try #require(golden[part]?[key]?.double))
  }

  func adapter() throws -> Adapter {
    var options = AdapterOptions()
    options.rank = try #require(golden["rank"]?.integer)
    options.alpha = try #require(golden["alpha"]?.double)
    options.isRankStabilised = golden["rank_stabilised"]?.boolean == true
    let tensors = try tensors("adapter")
    var layers: [AdapterLayer] = []
    for block in 0..<8 {
      for target in AdapterTarget.allCases {
        let name = "blocks.\(block).\(target.rawValue)"
        guard let down = tensors[name + ".adapterDown"], let up = tensors[name + ".adapterUp"]
        else { continue }
        layers.append(
          AdapterLayer(block: block, target: target, down: down, up: up, scale: options.scale))
      }
    }
    try #require(layers.count * 2 == tensors.count)
    return Adapter(options: options, layers: layers)
  }

  /// The tensors of a file, by our names of parameters.
  func tensors(_ file: String) throws -> [String: Tensor] {
    let file = try SafetensorsFile(path: "\(Self.folder(name))/\(file).safetensors")
    var result: [String: Tensor] = [:]
    for name in file.tensorNames {
      let stored = try #require(file.tensor(named: name))
      let tensor = Tensor(rows: stored.rowCount, columns: stored.columnCount)
      stored.dequantise(
        rows: 0..<stored.rowCount, into: tensor.pointer, rowStride: tensor.stride)
      result[name] = tensor
    }
    return result
  }

  /// Tokens of a sequence, of which the first `prompt` are not learned.
  struct Sequence {
    var ids: [Int32]
    var prompt: Int

    var inputs: [Int32] { ids.dropLast() }
    var targets: [Int32] {
      ids.indices.dropFirst().map { $0 < prompt ? -1 : ids[$0] }
    }
  }

  func sequences() throws -> [Sequence] {
    try #require(golden["sequences"]?.array).map {
      Sequence(ids: ids($0["ids"]), prompt: $0["prompt"]?.integer ?? 0)
    }
  }

  /// Chosen and rejected answers in turn.
  func answers() throws -> [Sequence] {
    try #require(golden["pairs"]?.array).flatMap { pair in
      let prompt = ids(pair["prompt"])
      return ["chosen", "rejected"].map {
        Sequence(ids: prompt + ids(pair[$0]), prompt: prompt.count)
      }
    }
  }

  private func ids(_ value: JSONValue?) -> [Int32] {
    (value?.array ?? []).compactMap { $0.integer.map(Int32.init) }
  }
}

extension TokenBatch {
  /// A row a sequence, filled up with tokens that are not counted.
  init(padding sequences: [FinetuningFixture.Sequence], with filler: Int32 = 0) {
    let length = sequences.map { $0.ids.count - 1 }.max() ?? 0
    func padded(_ ids: [Int32], _ filler: Int32) -> [Int32] {
      ids + [Int32](repeating: filler, count: length - ids.count)
    }
    self.init(
      sequenceCount: sequences.count, length: length,
      inputs: sequences.flatMap { padded($0.inputs, filler) },
      targets: sequences.flatMap { padded($0.targets, -1) })
  }

  /// All sequences behind each other in one row.
  init(packing sequences: [FinetuningFixture.Sequence]) {
    var starts: [Int32] = []
    for sequence in sequences {
      let start = Int32(starts.count)
      starts += sequence.inputs.map { _ in start }
    }
    self.init(
      sequenceCount: 1, length: starts.count, inputs: sequences.flatMap(\.inputs),
      targets: sequences.flatMap(\.targets), segmentStarts: starts)
  }
}
