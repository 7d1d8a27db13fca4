import Foundation
import GPTJSON
import GPTTokenizer
import Testing

/// Golden files made by Tests/Fixtures/tokenizers/make.py.
enum Fixture {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Fixtures/tokenizers").path
  /// Data outside the project, present on the developers' machines only.
  static let shared = folder + "/../../../../shared/tokenizers"
  static var hasShared: Bool { FileManager.default.fileExists(atPath: shared) }

  static func text(_ name: String) throws -> String {
    try String(decoding: Data(contentsOf: URL(fileURLWithPath: folder + "/" + name)), as: UTF8.self)
  }

  static func rows(_ name: String) throws -> [JSONValue] {
    try text(name).utf8.split(separator: 0x0a).map { try JSONParser.parse(String(Substring($0))) }
  }

  static func byteLevel(_ name: String) throws -> ByteLevelTokenizer {
    try TokenizerJSON(JSONFile(contentsOf: folder + "/\(name).json"))
      .tokenizer(beginning: nil, end: nil)
  }

  static func fingerprint(_ ids: [Int32]) -> String {
    var value: UInt32 = 0x811c_9dc5
    for id in ids {
      for shift in [0, 8, 16, 24] as [Int32] {
        value = (value ^ UInt32(truncatingIfNeeded: id >> shift & 0xff)) &* 0x0100_0193
      }
    }
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }

  /// The lines whose ids differ from the golden ones, as far as worth printing.
  static func mismatches(
    _ tokenizer: any Tokenizer, golden: String, special: Bool
  ) throws -> (count: Int, first: [String]) {
    let expected = try text(golden + ".hashes").split(separator: "\n")
    let lines = try rows("lines.jsonl").compactMap(\.string)
    #expect(lines.count >= 2000 && lines.count == expected.count)
    var wrong: [String] = []
    for (line, hash) in zip(lines, expected) {
      let ids = try tokenizer.encode(
        line, addSpecialTokens: special, parseSpecialTokens: special)
      if fingerprint(ids) != hash { wrong.append("\(line.debugDescription): \(ids)") }
    }
    return (wrong.count, Array(wrong.prefix(3)))
  }

  /// A folder that is removed after `body`.
  static func withFolder<Result>(
    _ files: [String: String], _ body: (String) throws -> Result
  ) throws -> Result {
    let path = NSTemporaryDirectory() + "gpt-tokenizer-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    for (name, text) in files {
      try Data(text.utf8).write(to: URL(fileURLWithPath: path + "/" + name))
    }
    return try body(path)
  }
}

func errorText(_ body: () throws -> Void) -> String {
  do {
    try body()
    return "no error"
  } catch { return "\(error)" }
}
