import GPTJSON
import GPTTensor

/// `trainer_state.json`: the trainer's state and the seals of all other files of a checkpoint.
///
///     {"format":1,"state":{…},"files":{"model.safetensors":{"bytes":…,"xxh64":"…"},…}
///     ,"checksum":"…"}
///
/// on one line; the checksum is the XXH64 of everything before `,"checksum"`, so that damage to
/// this file is found as surely as damage to the others.
struct CheckpointRecord: Equatable {
  static let fileName = "trainer_state.json"
  private static let format = 1
  private static let byteLimit = 64 << 20
  /// A checkpoint has about a dozen.
  private static let maximumFiles = 1000

  struct SealedFile: Equatable {
    let name: String
    let seal: FileSeal
  }

  var state: TrainerState
  var files: [SealedFile]

  var encoded: [UInt8] {
    let sealed = files.map { file in
      let seal = JSONObject([
        ("bytes", .integer(file.seal.byteCount)), ("xxh64", .string(file.seal.hash)),
      ])
      return (file.name, JSONValue.object(seal))
    }
    let object = JSONObject([
      ("format", .integer(Self.format)), ("state", .object(state.json)),
      ("files", .object(JSONObject(sealed))),
    ])
    let body = Array(JSONValue.object(object).encoded().utf8.dropLast())
    return body + Self.ending(of: body)
  }

  private static func ending(of body: [UInt8]) -> [UInt8] {
    Array(",\"checksum\":\"\(FileSeal(of: body).hash)\"}\n".utf8)
  }

  init(state: TrainerState, files: [SealedFile]) {
    self.state = state
    self.files = files
  }

  init(path: String) throws(TrainingError) {
    let bytes: [UInt8]
    do { bytes = try readSmallFile(path: path, limit: Self.byteLimit) } catch { throw .file(error) }
    let body = Array(bytes.dropLast(Self.ending(of: []).count))
    guard Array(bytes.suffix(bytes.count - body.count)) == Self.ending(of: body) else {
      throw .invalid(
        location: path, found: "is damaged or was edited",
        expected: "contents that agree with the checksum at its end")
    }
    let object = try parseJSONObject(bytes, location: path)
    let reader = StateReader(object: object, location: path)
    let format = try reader.count("format", limit: .max)
    guard format == Self.format else { throw reader.problem("format", "\(format)", "1") }
    state = try TrainerState(try reader.nested("state"), location: path)
    files = try Self.files(try reader.nested("files"), location: path)
  }

  private static func files(_ object: JSONObject, location: String)
    throws(TrainingError) -> [SealedFile]
  {
    guard object.count <= maximumFiles else {
      throw .invalid(
        location: location, found: "lists \(object.count) files",
        expected: "at most \(maximumFiles)")
    }
    var result: [SealedFile] = []
    for (name, value) in object.members {
      let reader = StateReader(object: value.object ?? JSONObject(), location: location)
      // Never a path that leads out of the folder.
      guard !name.isEmpty, name != "..", !name.utf8.contains(UInt8(ascii: "/")),
        !name.utf8.contains(0)
      else { throw reader.problem("a file's name", "'\(name)'", "a name without '/'") }
      result.append(
        SealedFile(
          name: name,
          seal: FileSeal(
            byteCount: try reader.count("bytes", limit: .max), hash: try reader.text("xxh64"))))
    }
    return result
  }
}
