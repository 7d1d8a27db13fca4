import GPTJSON
import GPTTensor

/// A model spread over several safetensors files by a `model.safetensors.index.json`.
///
///     {"metadata": {…}, "weight_map": {"tensor name": "model-00001-of-00002.safetensors", …}}
///
/// - Source: https://huggingface.co/docs/transformers/big_models
package struct ShardedSafetensors: WeightSource {
  static let indexName = "model.safetensors.index.json"
  /// The largest published index (a model of 10^12 parameters) has 16 MB.
  static let maximumIndexBytes = 64 << 20
  /// The largest published models have under 200 shards.
  static let maximumShards = 2048

  package let path: String
  package let tensorNames: [String]
  package let shards: [SafetensorsFile]
  private let shardIndices: [String: Int]

  package var location: String { Self.indexName }

  package init(folder: String) throws(WeightsError) {
    path = folder
    let map = try Self.weightMap(path: folder + "/" + Self.indexName)
    var shards: [SafetensorsFile] = []
    var numbers: [String: Int] = [:]
    var indices: [String: Int] = [:]
    for (name, value) in map.members {
      let fileName = try Self.fileName(value, of: name)
      let number: Int
      if let known = numbers[fileName] {
        number = known
      } else {
        guard shards.count < Self.maximumShards else {
          throw Self.invalid(
            "weight_map", "names more than \(Self.maximumShards) files", "fewer")
        }
        number = shards.count
        numbers[fileName] = number
        shards.append(try SafetensorsFile(path: folder + "/" + fileName))
      }
      guard shards[number].contains(name) else {
        throw Self.invalid(
          WeightsError.tensor(name), "is not in '\(fileName.printable())'",
          "it there, as weight_map says")
      }
      indices[name] = number
    }
    self.shards = shards
    tensorNames = map.keys
    shardIndices = indices
  }

  package func tensor(named name: String) -> StoredTensor? {
    shardIndices[name].flatMap { shards[$0].tensor(named: name) }
  }

  package func unsupportedType(of name: String) -> String? {
    shardIndices[name].flatMap { shards[$0].unsupportedType(of: name) }
  }

  private static func invalid(_ item: String, _ found: String, _ expected: String) -> WeightsError {
    .invalid(file: indexName, item: item, found: found, expected: expected)
  }

  private static func weightMap(path: String) throws(WeightsError) -> JSONObject {
    let text: [UInt8]
    do throws(FileError) {
      text = try readSmallFile(path: path, limit: maximumIndexBytes)
    } catch {
      throw .file(error)
    }
    let result = text.withUnsafeBytes { buffer in
      Result { () throws(JSONError) in try JSONParser.parse(buffer) }
    }
    let value: JSONValue
    do throws(JSONError) {
      value = try result.get()
    } catch {
      throw .json(file: indexName, part: "index", error: error)
    }
    guard let map = value["weight_map"] else { throw .missing(file: indexName, item: "weight_map") }
    guard let object = map.object else {
      throw invalid("weight_map", "is \(map.kind)", "an object")
    }
    guard object.count > 0 else { throw invalid("weight_map", "is empty", "at least one tensor") }
    return object
  }

  /// The name of a file in the model's own folder: never a path that leads out of it.
  private static func fileName(_ value: JSONValue, of name: String) throws(WeightsError) -> String {
    guard let text = value.string else {
      throw invalid("the file of \(WeightsError.tensor(name))", "is \(value.kind)", "a string")
    }
    let isPlain = !text.utf8.contains(UInt8(ascii: "/")) && !text.utf8.contains(0)
    guard isPlain, text.hasSuffix(".safetensors") else {
      throw invalid(
        "the file of \(WeightsError.tensor(name))", "is '\(text.printable())'",
        "the name of a .safetensors file in the same folder")
    }
    return text
  }
}
