package import GPTJSON
internal import GPTTensor
internal import Glibc

/// What `manifest.json` of a prepared corpus says: from what it was made, how, and what came out.
struct CorpusManifest: Equatable {
  static let fileName = "manifest.json"
  static let format = "gpt corpus"
  static let version = 1
  /// A million files of a corpus have about 300 MB of manifest.
  private static let fileBytes = 256 << 20

  struct Input: Equatable {
    var path: String
    var byteCount: Int
    var modified: Int
    var sha256: String
  }

  struct NamedHash: Equatable {
    var name: String
    var sha256: String
  }

  struct Side: Equatable {
    var textBytes = 0
    var shards: [ShardFile] = []

    var tokenCount: Int { shards.reduce(0) { $0 &+ $1.tokenCount } }
  }

  /// The options that decide what comes out, as they stand in the file.
  var options: JSONValue
  var inputs: [Input] = []
  var counts = CorpusCounts()
  var tokenizer: [NamedHash] = []
  var vocabularySize = 0
  var endOfDocument: Int32?
  var bitWidth = 16
  var training = Side()
  var validation = Side()

  init(options: JSONValue) { self.options = options }

  /// - Parameter tokenizer: the files of a tokenizer that is there
  static func options(
    _ options: PreparationOptions, tokenizer: [TokenizerFiles.File]
  ) -> JSONValue {
    let (kind, size): (String, Int?) =
      switch options.tokenizer {
      case .trained(let algorithm, let size): (algorithm.rawValue, size)
      case .existing: ("existing", nil)
      case .bytes: ("bytes", nil)
      case .characters: ("characters", nil)
      }
    let hashes = tokenizer.map { file in
      NamedHash(name: file.name, sha256: SHA256.digest(of: file.contents).hexadecimal)
    }
    return object([
      ("text_field", .string(options.textField)),
      ("dedupe", .string(options.deduplication.rawValue)),
      ("validation_share", .number(options.validationShare)), ("tokenizer", .string(kind)),
      ("vocabulary_size", size.map { .integer($0) } ?? .null),
      ("tokenizer_files", json(hashes)),
    ])
  }

  private static func object(_ members: [(String, JSONValue)]) -> JSONValue {
    .object(JSONObject(members))
  }

  private static func json(_ hashes: [NamedHash]) -> JSONValue {
    .array(hashes.map { object([("name", .string($0.name)), ("sha256", .string($0.sha256))]) })
  }

  var json: JSONValue {
    let inputs = inputs.map { input in
      Self.object([
        ("path", .string(input.path)), ("bytes", .integer(input.byteCount)),
        ("modified_nanoseconds", .integer(input.modified)), ("sha256", .string(input.sha256)),
      ])
    }
    return Self.object([
      ("format", .string(Self.format)), ("version", .integer(Self.version)),
      ("options", options), ("inputs", .array(inputs)), ("counts", counts.json),
      ("tokenizer_files", Self.json(tokenizer)), ("vocabulary_size", .integer(vocabularySize)),
      ("end_of_document", endOfDocument.map { .integer(Int($0)) } ?? .null),
      ("bits", .integer(bitWidth)), ("training", Self.json(training)),
      ("validation", Self.json(validation)),
    ])
  }

  private static func json(_ side: Side) -> JSONValue {
    let shards = side.shards.map { shard in
      object(
        [
          ("name", .string(shard.name)), ("tokens", .integer(shard.tokenCount)),
          ("sha256", .string(shard.sha256)),
        ] + (shard.xxh64.map { [("xxh64", .string($0))] } ?? []))
    }
    return object([
      ("text_bytes", .integer(side.textBytes)), ("tokens", .integer(side.tokenCount)),
      ("shards", .array(shards)),
    ])
  }

  static func isPresent(in folder: String) throws(TrainingError) -> Bool {
    let path = "\(folder)/\(fileName)"
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
      status.st_size <= fileBytes
    else { return false }
    let bytes: [UInt8]
    do { bytes = try readSmallFile(path: path, limit: fileBytes) } catch { throw .file(error) }
    let value = bytes.withUnsafeBytes { bytes in
      Result { () throws(JSONError) in try JSONParser.parse(bytes) }
    }
    return (try? value.get())?["format"]?.string == format
  }

  /// Reads and checks the manifest of `folder`; also returns the digest of the file.
  static func read(folder: String) throws(TrainingError) -> (CorpusManifest, SHA256.Digest) {
    let path = "\(folder)/\(fileName)"
    let bytes: [UInt8]
    do { bytes = try readSmallFile(path: path, limit: fileBytes) } catch { throw .file(error) }
    let result = bytes.withUnsafeBytes { bytes in
      Result { () throws(JSONError) in try JSONParser.parse(bytes) }
    }
    switch result {
    case .success(let value):
      return (try ManifestReader(path: path).manifest(value), SHA256.digest(of: bytes))
    case .failure(let error):
      throw .invalid(location: path, found: error.description, expected: "JSON")
    }
  }
}

extension CorpusCounts {
  package var json: JSONValue {
    .object(
      JSONObject([
        ("documents", .integer(documents)), ("kept", .integer(keptPieces)),
        ("text_bytes", .integer(textBytes)), ("repaired_sequences", .integer(repairedSequences)),
        ("removed_control_characters", .integer(removedControls)),
        ("exact_duplicates", .integer(exactDuplicates)),
        ("near_duplicates", .integer(nearDuplicates)),
      ]))
  }
}

/// Turns the JSON of a manifest into one, checking every field.
private struct ManifestReader {
  let path: String

  func manifest(_ value: JSONValue) throws(TrainingError) -> CorpusManifest {
    guard value["format"]?.string == CorpusManifest.format,
      value["version"]?.integer == CorpusManifest.version, let options = value["options"]
    else {
      throw failure("format", "no '\(CorpusManifest.format)' of version \(CorpusManifest.version)")
    }
    var manifest = CorpusManifest(options: options)
    for (index, entry) in try array(value, "inputs").enumerated() {
      let place = "inputs[\(index)]"
      manifest.inputs.append(
        .init(
          path: try text(entry, "path", place), byteCount: try number(entry, "bytes", place),
          modified: try number(entry, "modified_nanoseconds", place, from: .min),
          sha256: try text(entry, "sha256", place)))
    }
    manifest.counts = try counts(value["counts"] ?? .null)
    for entry in try array(value, "tokenizer_files") {
      let name = try text(entry, "name", "tokenizer_files")
      guard !name.contains("/"), !name.hasPrefix(".") else {
        throw failure("tokenizer_files", "the name '\(name)'")
      }
      manifest.tokenizer.append(
        .init(name: name, sha256: try text(entry, "sha256", "tokenizer_files")))
    }
    manifest.vocabularySize = try number(value, "vocabulary_size", "", from: 1, to: 1 << 30)
    if let end = value["end_of_document"], !end.isNull {
      let id = try number(value, "end_of_document", "", to: manifest.vocabularySize - 1)
      manifest.endOfDocument = Int32(truncatingIfNeeded: id)
    }
    manifest.bitWidth = try number(value, "bits", "")
    guard [16, 32].contains(manifest.bitWidth) else {
      throw failure("bits", "\(manifest.bitWidth)")
    }
    manifest.training = try side(value, "training")
    manifest.validation = try side(value, "validation")
    return manifest
  }

  private func failure(_ field: String, _ found: String) -> TrainingError {
    .invalid(
      location: "\(path): \(field)", found: found, expected: "what gpt prepare has written")
  }

  private func array(_ value: JSONValue, _ field: String) throws(TrainingError) -> [JSONValue] {
    guard let array = value[field]?.array else {
      throw failure(field, value[field]?.kind ?? "nothing")
    }
    return array
  }

  private func text(
    _ value: JSONValue, _ field: String, _ place: String
  ) throws(TrainingError) -> String {
    guard let text = value[field]?.string else {
      throw failure("\(place).\(field)", value[field]?.kind ?? "nothing")
    }
    return text
  }

  /// A number within bounds whose sums over a manifest cannot overflow.
  private func number(
    _ value: JSONValue, _ field: String, _ place: String, from low: Int = 0, to high: Int = 1 << 48
  ) throws(TrainingError) -> Int {
    let name = place.isEmpty ? field : "\(place).\(field)"
    guard let number = value[field]?.integer else {
      throw failure(name, value[field]?.kind ?? "nothing")
    }
    guard number >= low, number <= high || low == .min else { throw failure(name, "\(number)") }
    return number
  }

  private func counts(_ value: JSONValue) throws(TrainingError) -> CorpusCounts {
    var counts = CorpusCounts()
    counts.documents = try number(value, "documents", "counts")
    counts.keptPieces = try number(value, "kept", "counts")
    counts.textBytes = try number(value, "text_bytes", "counts")
    counts.repairedSequences = try number(value, "repaired_sequences", "counts")
    counts.removedControls = try number(value, "removed_control_characters", "counts")
    counts.exactDuplicates = try number(value, "exact_duplicates", "counts")
    counts.nearDuplicates = try number(value, "near_duplicates", "counts")
    return counts
  }

  private func side(
    _ value: JSONValue, _ field: String
  ) throws(TrainingError) -> CorpusManifest.Side {
    guard let value = value[field] else { throw failure(field, "nothing") }
    var side = CorpusManifest.Side()
    side.textBytes = try number(value, "text_bytes", field)
    for (index, shard) in try array(value, "shards").enumerated() {
      let place = "\(field).shards[\(index)]"
      let name = try text(shard, "name", place)
      guard name == ShardFile.name(field, index) else { throw failure(place, "the name '\(name)'") }
      side.shards.append(
        ShardFile(
          name: name, tokenCount: try number(shard, "tokens", place, from: 1, to: 1 << 32),
          sha256: try text(shard, "sha256", place),
          xxh64: shard["xxh64"] == nil ? nil : try text(shard, "xxh64", place)))
    }
    guard side.tokenCount > 1 else { throw failure(field, "\(side.tokenCount) tokens") }
    return side
  }
}
