package import GPTJSON
import GPTTensor

/// `run.json`: what a run was started with, and what must not change while it is resumed.
package struct RunManifest: Sendable, Equatable {
  package static let fileName = "run.json"
  private static let format = 1
  private static let byteLimit = 1 << 20

  /// Of this program.
  package var version: String
  package var seed: UInt64
  package var hashes: Hashes
  /// Option names without dashes, in a fixed order, each with a plain value or a list of them.
  package var options: JSONObject

  package init(
    version: String, seed: UInt64, hashes: Hashes, options: JSONObject
  ) {
    self.version = version
    self.seed = seed
    self.hashes = hashes
    self.options = options
  }

  /// SHA-256s of what a run is made of.
  package struct Hashes: Sendable, Equatable {
    /// Of the prepared corpus' manifest, or over the files of examples.
    package var corpus: String
    /// Over the tokenizer's files; a model that is adapted brings its own.
    package var tokenizer: String?
    /// Over the files of the model that is adapted.
    package var model: String?
    /// Over the files of the model that is learned from.
    package var teacher: String?

    package init(
      corpus: String, tokenizer: String? = nil, model: String? = nil, teacher: String? = nil
    ) {
      self.corpus = corpus
      self.tokenizer = tokenizer
      self.model = model
      self.teacher = teacher
    }

    /// By their names in run.json.
    fileprivate var members: [(name: String, hash: String?)] {
      [("corpus", corpus), ("tokenizer", tokenizer), ("model", model), ("teacher", teacher)]
    }
  }

  /// One line of JSON; the seed is a text because JSON's numbers end at 2^53 for many readers.
  package var encoded: [UInt8] {
    let present = hashes.members.compactMap { name, hash in
      hash.map { (name, JSONValue.string($0)) }
    }
    let object = JSONObject(
      [
        ("format", .integer(Self.format)), ("version", .string(version)),
        ("seed", .string(String(seed))),
      ] + present + [("options", .object(options))])
    return Array((JSONValue.object(object).encoded() + "\n").utf8)
  }

  package init(path: String) throws(TrainingError) {
    let object = try readJSONObject(path: path, limit: Self.byteLimit)
    let reader = StateReader(object: object, location: path)
    let format = try reader.count("format", limit: .max)
    guard format == Self.format else { throw reader.problem("format", "\(format)", "1") }
    version = try reader.text("version")
    let seedText = try reader.text("seed")
    guard let seed = UInt64(seedText) else {
      throw reader.problem("seed", "'\(seedText)'", "an integer of 0…2^64-1")
    }
    self.seed = seed
    hashes = Hashes(
      corpus: try reader.text("corpus"), tokenizer: try reader.optionalText("tokenizer"),
      model: try reader.optionalText("model"), teacher: try reader.optionalText("teacher"))
    options = try reader.nested("options")
  }

  package func write(to path: String) throws(TrainingError) {
    do { try ReplacedFile.write(encoded, to: path) } catch { throw .file(error) }
  }
}

extension RunManifest {
  package struct Difference: Sendable, Equatable {
    package let option: String
    package let found: String
    package let expected: String
  }

  /// `self`, found in a run, with the options of `resumed` that may change, and with those that the
  /// program which started the run did not know: `resumed` was filled in from `self`, so they have
  /// the values by which a newer program does the same.
  package func completed(from resumed: RunManifest, changeable: Set<String>) -> RunManifest {
    var result = self
    for (name, value) in resumed.options.members
    where changeable.contains(name) || options[name] == nil {
      result.options[name] = value
    }
    return result
  }

  /// What `self`, found in a run, says otherwise than the run that is asked for.
  ///
  /// The version is left out: a newer program goes on with older runs.
  package func differences(from expected: RunManifest) -> [Difference] {
    var pairs = [("seed", String(seed), String(expected.seed))]
    for (found, wanted) in zip(hashes.members, expected.hashes.members) {
      pairs.append((found.name, found.hash ?? "unset", wanted.hash ?? "unset"))
    }
    let added = expected.options.keys.filter { options[$0] == nil }
    for key in options.keys + added where options[key] != expected.options[key] {
      pairs.append((key, text(options[key]), text(expected.options[key])))
    }
    // The seed is also an option.
    return pairs.filter { $0.1 != $0.2 }.reduce(into: []) { differences, pair in
      let difference = Difference(option: pair.0, found: pair.1, expected: pair.2)
      if !differences.contains(difference) { differences.append(difference) }
    }
  }

  /// Refuses to go on with a run of other options: one line that names each of them.
  ///
  /// - Parameter reason: why these are expected, to end the message with
  package func check(
    equals expected: RunManifest, location: String, reason: String = "as asked for"
  ) throws(TrainingError) {
    let differences = differences(from: expected)
    guard !differences.isEmpty else { return }
    func list(_ value: (Difference) -> String) -> String {
      differences.map { "\($0.option) \(value($0))".printable(limit: 100) }
        .joined(separator: ", ")
    }
    throw .invalid(
      location: location, found: "was started with \(list(\.found))",
      expected: "\(list(\.expected)) \(reason)")
  }

  private func text(_ value: JSONValue?) -> String {
    switch value {
    case nil: "unset"
    case .string(let text): text
    case .some(let value): value.encoded()
    }
  }
}

/// The JSON object that a file of at most `limit` bytes holds.
func readJSONObject(path: String, limit: Int) throws(TrainingError) -> JSONObject {
  let bytes: [UInt8]
  do { bytes = try readSmallFile(path: path, limit: limit) } catch { throw .file(error) }
  return try parseJSONObject(bytes, location: path)
}

func parseJSONObject(_ bytes: [UInt8], location: String) throws(TrainingError) -> JSONObject {
  let result = bytes.withUnsafeBytes { buffer in
    Result { () throws(JSONError) in try JSONParser.parse(buffer) }
  }
  do {
    let value = try result.get()
    guard let object = value.object else {
      throw TrainingError.invalid(
        location: location, found: "is \(value.kind)", expected: "a JSON object")
    }
    return object
  } catch let error as JSONError {
    throw .invalid(
      location: location, found: "is not JSON (\(error.description.printable(limit: 200)))",
      expected: "a JSON object")
  } catch let error as TrainingError {
    throw error
  } catch {
    throw .invalid(location: location, found: "is unreadable", expected: "a JSON object")
  }
}
