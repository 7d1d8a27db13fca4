import Foundation
import GPTJSON
import GPTTensor
import GPTTraining
import Testing

@Suite struct TrainerStateTests {
  private static func json(_ replaced: String = "", by text: String = "") -> String {
    let whole = """
      {"step":5,"batchIndex":6,"tokens":5120,"seconds":1.25,"bestValidationLoss":4.5,"bestStep":5,\
      "patienceCount":0,"rollbacks":1,"skippedBatches":[3,4]}
      """
    return replaced.isEmpty ? whole : whole.replacingOccurrences(of: replaced, with: text)
  }

  private func parse(_ text: String) throws -> TrainerState {
    guard let object = try JSONParser.parse(text).object else { return TrainerState() }
    return try TrainerState(object, location: "trainer_state.json")
  }

  @Test func stateComesBackEqual() throws {
    let state = try parse(Self.json())
    #expect(state.step == 5 && state.skippedBatches == [3, 4] && state.seconds == 1.25)
    #expect(JSONValue.object(state.json).encoded() == Self.json())
    #expect(try parse(JSONValue.object(TrainerState().json).encoded()) == TrainerState())
  }

  @Test(arguments: [
    (#""step":5"#, #""step":-1"#, "step is -1, expected an integer of 0…17179869184"),
    (
      #""step":5"#, #""step":9223372036854775807"#,
      "step is 9223372036854775807, expected an integer of 0…17179869184"
    ),
    (
      #""step":5"#, #""step":9223372036854775808"#,
      "step is 9.223372036854776e+18, expected an integer of 0…17179869184"
    ),
    (
      #""step":5"#, #""step":5.5"#, "step is 5.5, expected an integer of 0…17179869184"
    ),
    (
      #""step":5"#, #""step":"5""#,
      #"step is "5", expected an integer of 0…17179869184"#
    ),
    (#""step":5,"#, "", "step is missing, expected it in every checkpoint"),
    (#""seconds":1.25"#, #""seconds":1e999"#, "seconds is null, expected a finite number"),
    (#""seconds":1.25"#, #""seconds":-2"#, "seconds is -2.0, expected a number of at least 0"),
    (#":4.5"#, #":-1e999"#, "bestValidationLoss is null, expected a finite number"),
    (#""bestStep":5"#, #""bestStep":6"#, "bestStep is 6, expected an integer of 0…5"),
    (
      "[3,4]", #"{"a":1}"#,
      "skippedBatches is an object, expected an array of at most 10000 integers"
    ),
    (
      "[3,4]", "[3,-4]",
      "an element of skippedBatches is -4, expected an integer of 0…17179869184"
    ),
  ])
  func aBadValueIsExplained(found: String, by text: String, expected: String) {
    #expect(
      message { _ = try parse(Self.json(found, by: text)) } == "trainer_state.json: " + expected)
  }
}

@Suite struct RunManifestTests {
  private let manifest = RunManifest(
    version: "0.1", seed: .max, hashes: RunManifest.Hashes(corpus: "ab", tokenizer: "cd"),
    options: JSONObject([
      ("learning-rate", .number(0.001)), ("steps", .integer(40)), ("optimizer", .string("adamw")),
    ]))

  @Test func aManifestComesBackEqual() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/run.json"
      try manifest.write(to: path)
      #expect(try RunManifest(path: path) == manifest)
    }
  }

  @Test func theModelThatARunBeganWithIsPartOfIt() throws {
    var adapted = manifest
    adapted.hashes = RunManifest.Hashes(corpus: "ab", model: "ef", teacher: "01")
    try withTemporaryFolder { folder in
      let path = folder + "/run.json"
      try adapted.write(to: path)
      #expect(try RunManifest(path: path) == adapted)
      var other = adapted
      other.hashes.model = "99"
      #expect(
        message { try adapted.check(equals: other, location: "out/run.json") }
          == "out/run.json: was started with model ef, expected model 99 as asked for")
    }
  }

  @Test func everyDifferenceIsNamed() throws {
    var other = manifest
    other.version = "0.2"
    #expect(manifest.differences(from: other).isEmpty)
    other.seed = 1
    other.options["learning-rate"] = .number(0.01)
    other.options["steps"] = nil
    other.options["clip"] = .integer(1)
    var seeded = manifest
    seeded.options["seed"] = .string("18446744073709551615")
    var reseeded = seeded
    (reseeded.seed, reseeded.options["seed"]) = (2, .string("2"))
    #expect(seeded.differences(from: reseeded).map(\.option) == ["seed"])
    #expect(
      manifest.differences(from: other).map { "\($0.option): \($0.found), \($0.expected)" } == [
        "seed: 18446744073709551615, 1", "learning-rate: 0.001, 0.01", "steps: 40, unset",
        "clip: unset, 1",
      ])
    #expect(
      message { try manifest.check(equals: other, location: "out/run.json") }
        == "out/run.json: was started with seed 18446744073709551615, learning-rate 0.001, "
        + "steps 40, clip unset, expected seed 1, learning-rate 0.01, steps unset, clip 1 as "
        + "asked for")
    #expect(message { try manifest.check(equals: manifest, location: "r") } == "no error")
  }

  @Test func aNewerProgramsOptionsDoNotStopAnOlderRun() throws {
    var resumed = manifest
    resumed.options["threads"] = .integer(2)
    resumed.options["newer"] = .string("default")
    let completed = manifest.completed(from: resumed, changeable: ["threads"])
    #expect(completed.differences(from: resumed).isEmpty)
    resumed.options["steps"] = .integer(41)
    #expect(
      manifest.completed(from: resumed, changeable: ["threads"]).differences(from: resumed)
        .map { "\($0.option): \($0.found), \($0.expected)" } == ["steps: 40, 41"])
  }

  @Test(arguments: [
    ("[]", "is an array, expected a JSON object"),
    (
      "",
      "is not JSON (byte 0: found the end of the text, expected a value), expected a JSON object"
    ),
    (#"{"format":2}"#, "format is 2, expected 1"),
    (#"{"format":1,"version":5}"#, "version is 5, expected a string"),
    (
      #"{"format":1,"version":"","seed":"-1"}"#,
      "seed is '-1', expected an integer of 0…2^64-1"
    ),
    (
      #"{"format":1,"version":"","seed":"1","corpus":"","tokenizer":"","options":[]}"#,
      "options is an array, expected an object"
    ),
  ])
  func aBadManifestIsExplained(text: String, expected: String) throws {
    try withTemporaryFolder { folder in
      let path = folder + "/run.json"
      try Data(text.utf8).write(to: URL(fileURLWithPath: path))
      #expect(message { _ = try RunManifest(path: path) } == "\(path): \(expected)")
    }
  }
}

@Suite struct FileSealTests {
  /// XXH64 of the bytes i · 7 mod 256, as Python's xxhash 4.1 gives it.
  static let golden: [(Int, String)] = [
    (0, "ef46db3751d8e999"),
    (1, "e934a84adb052768"),
    (3, "9ff70a635a6209ab"),
    (4, "ae5acdc00a55ac41"),
    (7, "d734a6b26f3da63e"),
    (8, "87116b3365b924eb"),
    (31, "0f187c62b1e722b7"),
    (32, "91b0cb0931a8c629"),
    (33, "931b043cf8d65b94"),
    (63, "219110bf13e2fa26"),
    (64, "bf3052e3445775d0"),
    (100, "8e2272c08247d5db"),
    (1_000_003, "f7d4dcdf2d97cd45"),
  ]

  @Test(arguments: golden)
  func hashesEqualTheReference(count: Int, hash: String) throws {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7) }
    let expected = FileSeal(byteCount: count, hash: hash)
    #expect(FileSeal(of: bytes) == expected)
    try withTemporaryFolder { folder in
      let path = folder + "/bytes"
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      #expect(try FileSeal(ofFile: path) == expected)
    }
  }
}

@Suite struct RunFolderTests {
  @Test func aNewFolderIsMadeWithThoseAboveIt() throws {
    try withTemporaryFolder { folder in
      let run = try RunFolder.create(folder + "/a/b")
      #expect(run.path == folder + "/a/b")
      #expect(try names(in: run.path) == ["run.lock"])
    }
  }

  @Test func aSecondProcessIsTurnedAwayUntilTheFirstIsDone() throws {
    try withTemporaryFolder { folder in
      do {
        let first = try RunFolder.create(folder)
        #expect(
          message { _ = try RunFolder.create(folder) }
            == "\(first.path): is in use by another process that trains into it, expected one "
            + "process a folder")
      }
      #expect(message { _ = try RunFolder.create(folder) } == "no error")
    }
  }

  @Test func whatAKilledProcessLeftIsRemoved() throws {
    try withTemporaryFolder { folder in
      let url = URL(fileURLWithPath: folder)
      for name in ["run.json", "model.safetensors.123.partial", "notes.partial"] {
        try Data("x".utf8).write(to: url.appendingPathComponent(name))
      }
      let run = try RunFolder.open(folder)
      #expect(try names(in: run.path) == ["notes.partial", "run.json", "run.lock"])
    }
  }

  @Test(arguments: [
    ("run.json", "holds a run already, expected a new folder, or the run with --resume"),
    ("model.safetensors", "holds 'model.safetensors', expected a new or empty folder"),
    ("corpus", "no error"),
  ])
  func aFolderWithOtherThingsIsNotWrittenInto(name: String, expected: String) throws {
    try withTemporaryFolder { folder in
      try Data("x".utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
      let found = message { _ = try RunFolder.create(folder, allowing: ["corpus"]) }
      #expect(found == (expected == "no error" ? expected : "\(folder): \(expected)"))
      #expect(try names(in: folder).contains(name))
    }
  }

  @Test func aFileInTheFoldersPlaceIsExplained() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/out"
      try Data("x".utf8).write(to: URL(fileURLWithPath: path))
      #expect(
        message { _ = try RunFolder.create(path) }
          == "\(path): is a file, expected a folder, or nothing yet")
      #expect(
        message { _ = try RunFolder.create(path + "/below") }
          == "\(path)/below: cannot make the folder: Not a directory")
      #expect(
        message { _ = try RunFolder.open(folder + "/none") }
          == "\(folder)/none: has no run.json, expected the folder of a run")
    }
  }

  @Test(.enabled(if: getuid() != 0, "root may write everywhere"))
  func aReadOnlyFolderIsReportedAtOnce() throws {
    try withTemporaryFolder { folder in
      #expect(chmod(folder, 0o555) == 0)
      defer { chmod(folder, 0o755) }
      #expect(
        message { _ = try RunFolder.create(folder) }
          == "\(folder): cannot write into the folder: Permission denied")
    }
  }
}
