import GPTJSON
import GPTTensor
import GPTTokenizer
import GPTWeights
import Glibc

func isDirectory(_ path: String) -> Bool {
  var status = stat()
  return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}

extension FoundModel {
  /// Larger than any published configuration, small enough to read whole.
  private static let configurationLimit = 16 << 20

  static func findFolder(_ path: String, contextLength: Int?)
    throws(ModelError) -> FoundModel
  {
    let (reader, family) = try readConfiguration(folder: path)
    let full = try family.configuration(reader)
    let source: any WeightSource
    do { source = try openSafetensors(folder: path) } catch { throw .weights(error) }
    let chatTemplate: String?
    do { chatTemplate = try loadChatTemplate(folder: path)?.source } catch {
      throw .tokenizer(error)
    }
    return FoundModel(
      checkpoint: Checkpoint(
        source: source, names: family.names,
        configuration: try limit(full, to: contextLength)),
      chatTemplate: chatTemplate, stopTokens: stopTokens(folder: path, reader),
      name: try? reader.stringValue("_name_or_path"),
      makeTokenizer: { () throws(ModelError) in
        do throws(TokenizerError) { return try loadTokenizer(folder: path) } catch {
          throw .tokenizer(error)
        }
      })
  }

  /// What generation_config.json says, then config.json.
  static func stopTokens(folder: String, _ reader: JSONConfiguration) -> [Int32] {
    let generation = try? readJSON(
      folder + "/generation_config.json", location: "generation_config")
    return (generation?.tokenIDs("eos_token_id") ?? []) + reader.tokenIDs("eos_token_id")
  }

  static func readConfiguration(folder: String)
    throws(ModelError) -> (JSONConfiguration, FolderFamily)
  {
    guard !isAdapterFolder(folder) else {
      throw .notAModel(
        path: folder, found: "is an adapter",
        expected: "the model that it is for (an adapter is given with --adapter)")
    }
    let reader = try readJSON(folder + "/config.json", location: "config.json")
    let known = FolderFamily.architectures
    let type = try reader.stringValue("model_type") ?? "missing"
    guard known.contains(type) else {
      throw reader.problem(
        "model_type", found: type == "missing" ? type : "'\(type)'",
        expected: "one of \(known.joined(separator: ", "))")
    }
    return (reader, FolderFamily(architecture: type))
  }

  static func readJSON(_ path: String, location: String)
    throws(ModelError) -> JSONConfiguration
  {
    let bytes: [UInt8]
    do { bytes = try readSmallFile(path: path, limit: configurationLimit) } catch {
      throw .file(error)
    }
    let parsed = bytes.withUnsafeBytes { buffer in
      Result { () throws(JSONError) in try JSONParser.parse(buffer) }
    }
    do {
      let value = try parsed.get()
      guard let object = value.object else {
        throw ModelError.configuration(
          location: location, key: "the document", found: value.kind, expected: "an object")
      }
      return JSONConfiguration(object: object, location: location)
    } catch let error as JSONError {
      throw .weights(.json(file: location, part: "the document", error: error))
    } catch let error as ModelError {
      throw error
    } catch {
      throw .notAModel(path: path, found: "is unreadable", expected: "a JSON object")
    }
  }
}
