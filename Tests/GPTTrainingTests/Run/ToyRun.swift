import Foundation
import GPTJSON
import GPTModel
import GPTTensor
import GPTTraining

/// The gpt2 fixture's shape with numbers of a formula: a model, two moments and an average.
struct ToyRun {
  static let fixtures: String = {
    let parts = #filePath.split(separator: "/").dropLast(3)
    return "/" + parts.joined(separator: "/") + "/Fixtures/models"
  }()

  let contents: CheckpointContents
  var manifest = RunManifest(
    version: "0.1", seed: .max, hashes: RunManifest.Hashes(corpus: "c0", tokenizer: "70"),
    options: JSONObject([("learning-rate", .number(0.001)), ("steps", .integer(40))]))

  /// - Parameter seed: of the numbers; 0 gives zeros.
  init(
    seed: UInt32, moments: [String] = ["first", "second"], fixture: String = "gpt2",
    tokenizerFolder: String? = nil
  ) throws {
    var options = ModelOptions()
    options.threadCount = 1
    let model = try OpenedModel.open(path: "\(Self.fixtures)/\(fixture)", options: options)
    let parameters = Self.parameters(of: model.configuration)
    func tensors(_ what: String) -> [CheckpointContents.NamedTensor] {
      parameters.map {
        ("\($0.name).\(what)", Tensor(rows: $0.value.rows, columns: $0.value.columns))
      }
    }
    let saved = try WholeModel(
      model.configuration, parameters,
      tokenizerFolder: tokenizerFolder ?? "\(Self.fixtures)/\(fixture)")
    contents = CheckpointContents(
      saved, optimizerState: moments.flatMap(tensors), averages: tensors("average"))
    fill(seed: seed)
  }

  private static func parameters(of model: ModelConfiguration) -> [Parameter] {
    let (width, hidden) = (model.width, model.hiddenWidth)
    var shapes = [
      ("tokenEmbedding", model.vocabularySize, width),
      ("positionEmbedding", model.contextLength, width),
      ("outputNormGain", 1, width), ("outputNormBias", 1, width),
    ]
    if !model.tiedOutput { shapes.append(("output", model.vocabularySize, width)) }
    let vectors = ["queryBias", "keyBias", "valueBias", "attentionOutputBias", "downBias"]
    let norms = ["attentionNorm", "feedForwardNorm"].flatMap { [$0 + "Gain", $0 + "Bias"] }
    for index in 0..<model.blockCount {
      let block =
        ["query", "key", "value", "attentionOutput"].map { ($0, width, width) }
        + [("up", hidden, width), ("down", width, hidden), ("upBias", 1, hidden)]
        + (vectors + norms).map { ($0, 1, width) }
      shapes += block.map { ("blocks.\(index).\($0.0)", $0.1, $0.2) }
    }
    return shapes.map {
      Parameter(name: $0.0, value: Tensor(rows: $0.1, columns: $0.2), decays: $0.1 > 1)
    }
  }

  var tensors: [Tensor] {
    contents.model.parameters.map(\.value)
      + (contents.optimizerState + contents.averages).map(\.tensor)
  }

  /// Bit patterns of a multiplicative sequence, NaN, infinities and subnormals among them.
  func fill(seed: UInt32) {
    var pattern = seed
    for tensor in tensors {
      for row in 0..<tensor.rows {
        for column in 0..<tensor.columns {
          pattern = pattern &* 2_891_336_453
          tensor.row(row)[column] = Float(bitPattern: pattern)
        }
      }
    }
  }

  var bits: [[UInt32]] {
    tensors.map { tensor in
      (0..<tensor.rows).flatMap { row in
        (0..<tensor.columns).map { tensor.row(row)[$0].bitPattern }
      }
    }
  }

  static func state(step: Int, bestStep: Int? = nil) -> TrainerState {
    var state = TrainerState()
    state.step = step
    state.batchIndex = step + 1
    state.tokens = step * 1024
    state.seconds = 1.25
    state.bestStep = bestStep
    state.bestValidationLoss = bestStep.map { 5 - Double($0) / 1000 }
    state.skippedBatches = [3]
    return state
  }
}

func withTemporaryFolder<Value>(_ body: (String) throws -> Value) throws -> Value {
  let folder = FileManager.default.temporaryDirectory.path + "/gpt-run-\(UUID().uuidString)"
  try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
  defer { try? FileManager.default.removeItem(atPath: folder) }
  return try body(folder)
}

/// The text of the error that `work` throws, or "no error".
func message(_ work: () throws -> Void) -> String {
  do { try work() } catch { return "\(error)" }
  return "no error"
}

func names(in folder: String) throws -> [String] {
  try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
}
