import Foundation
import GPTJSON
import GPTModel
import GPTOps
import GPTTensor
import TestSupport

/// An adapter of `Tests/Fixtures/adapters`, or a sum of them, with what PEFT computed with it
/// (`tools/golden_adapters.py`).
struct GoldenAdapter: Sendable, CustomStringConvertible {
  let name: String
  /// A file of `Tests/Fixtures/models` in the place of the folder of the base.
  var baseFile: String?

  static let all =
    ["llama-all", "llama-part", "llama-sum", "gpt2-all"].map { GoldenAdapter(name: $0) }
    + [("llama-all", "llama.gguf"), ("gpt2-all", "gpt2.gguf")].map {
      GoldenAdapter(name: $0, baseFile: $1)
    }
  /// Those with files of their own.
  static let stored = ["llama-all", "llama-part", "gpt2-all"]

  static func folder(_ name: String) -> String {
    GoldenModel.fixtures.replacingOccurrences(of: "/models", with: "/adapters/\(name)")
  }

  var description: String { name + (baseFile.map { " on \($0)" } ?? "") }

  struct Expectation {
    let base: String
    let adapters: [(path: String, scale: Float)]
    let ids: [Int32]
    let logits: [Float]
    let range: Float
    /// What the adapter changes, relative to the range.
    let change: Float
  }

  func expectation() throws -> Expectation {
    let folder = GoldenAdapter.folder(name)
    let text = try readSmallFile(path: folder + "/golden.json", limit: 1 << 20)
    let json = try text.withUnsafeBytes { try JSONParser.parse($0) }
    let bytes = try readSmallFile(path: folder + "/golden.logits.bin", limit: 1 << 26)
    let logits = bytes.withUnsafeBytes { buffer in
      (0..<buffer.count / 4).map { buffer.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
    }
    return Expectation(
      base: json["base"]?.string ?? "",
      adapters: (json["adapters"]?.array ?? []).map {
        (
          GoldenAdapter.folder($0.array?.first?.string ?? ""),
          Float($0.array?.last?.double ?? .nan)
        )
      },
      ids: (json["ids"]?.array ?? []).compactMap { $0.integer.map(Int32.init) }, logits: logits,
      range: Float(json["range"]?.double ?? .nan), change: Float(json["change"]?.double ?? .nan))
  }

  /// The base with the adapters.
  func open(precision: Precision = .fp32, threads: Int = 1) throws -> OpenedModel {
    let expected = try expectation()
    return try openModel(
      "\(GoldenModel.fixtures)/\(baseFile ?? expected.base)", adapters: expected.adapters,
      precision: precision, threads: threads)
  }
}

func openModel(
  _ path: String, adapters: [(path: String, scale: Float)], precision: Precision = .fp32,
  threads: Int = 1
) throws -> OpenedModel {
  var options = ModelOptions()
  options.precision = precision
  options.threadCount = threads
  options.adapters = adapters
  return try OpenedModel.open(path: path, options: options)
}

/// Calls `body` with a copy of a fixture's adapter.
func withAdapterCopy(of name: String, _ body: (String) throws -> Void) throws {
  try withTemporaryFolder { folder in
    for file in ["adapter_config.json", "adapter_model.safetensors"] {
      try FileManager.default.copyItem(
        atPath: "\(GoldenAdapter.folder(name))/\(file)", toPath: "\(folder)/\(file)")
    }
    try body(folder)
  }
}

/// An adapter with random numbers everywhere; a new one adds nothing.
func randomAdapter(
  _ options: AdapterOptions, _ configuration: ModelConfiguration, seed: UInt64 = 5
) -> Adapter {
  let adapter = Adapter(options: options, configuration: configuration, seed: seed)
  var random = TestRandom(seed: seed)
  for layer in adapter.layers {
    for row in 0..<layer.up.value.rows {
      for column in 0..<layer.up.value.columns { layer.up.value.row(row)[column] = random.float() }
    }
  }
  return adapter
}

/// Every number of an adapter by the names of its parameters.
func contents(of adapter: Adapter) -> [String: [UInt32]] {
  var result: [String: [UInt32]] = [:]
  for layer in adapter.layers {
    for parameter in [layer.down, layer.up] {
      result[parameter.name] = parameter.value.values.map(\.bitPattern)
    }
    result["\(layer.block).\(layer.target).scale"] = [layer.scale.bitPattern]
  }
  return result
}
