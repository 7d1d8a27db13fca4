import GPTTraining
import Testing

@Suite struct FinetuneErrorTests {
  static let good = #"{"prompt": "a", "completion": "b"}"#
  static let kinds =
    "an object with 'messages', 'prompt' and 'completion', 'instruction' and 'output', or 'text'"

  /// The second line, and what stands behind `path: line 2: `.
  static let bad: [(String, String)] = [
    (
      #"{"prompt": "x", "#,
      "byte 16: found the end of the text, expected a key, expected a JSON object"
    ),
    ("not JSON", "byte 1: found 'o', expected 'null', expected a JSON object"),
    ("[1, 2]", "an array, expected \(kinds)"),
    ("5", "a number, expected \(kinds)"),
    ("{}", "an empty object, expected \(kinds)"),
    (#"{"prompt": "x"}"#, "'prompt' without 'completion', expected \(kinds)"),
    (#"{"output": "x"}"#, "'output' without 'instruction', expected \(kinds)"),
    (#"{"q\u0007": 1, "a": 2}"#, #"the keys 'q\u{7}', 'a', expected \#(kinds)"#),
    (
      #"{"prompt": "x", "chosen": "a", "rejected": "b"}"#,
      "a preference ('chosen', 'rejected'), expected \(kinds)"
    ),
    (
      #"{"prompt": "x", "completion": "y", "text": "z"}"#,
      "a record of two kinds ('prompt' and 'text'), expected keys of one kind"
    ),
    (
      #"{"prompt": "x", "completion": null}"#, "null in 'completion', expected a string or messages"
    ),
    (
      #"{"prompt": "x", "completion": 5}"#,
      "a number in 'completion', expected a string or messages"
    ),
    (#"{"prompt": "x", "completion": ""}"#, "an empty 'completion', expected text"),
    (#"{"prompt": "x", "completion": " \n"}"#, "an empty 'completion', expected text"),
    (#"{"text": ""}"#, "an empty 'text', expected text"),
    (#"{"text": ["a"]}"#, "an array in 'text', expected a string"),
    (#"{"instruction": "", "output": "x"}"#, "an empty 'instruction', expected text"),
    (#"{"instruction": "x", "output": ""}"#, "an empty 'output', expected text"),
    (
      #"{"instruction": "x", "input": 1, "output": "x"}"#, "a number in 'input', expected a string"
    ),
    (#"{"messages": "x"}"#, "a string in 'messages', expected a list of messages"),
    (#"{"messages": []}"#, "no messages in 'messages', expected 1 to 512"),
    (
      #"{"messages": ["x"]}"#,
      "a string in 'messages[0]', expected an object with 'role' and 'content'"
    ),
    (
      #"{"messages": [{"role": "wizard", "content": "x"}]}"#,
      "the role 'wizard' in 'messages[0]', expected one of system, user, assistant"
    ),
    (#"{"messages": [{"content": "x"}]}"#, "no 'role' in 'messages[0]', expected a string"),
    (
      #"{"messages": [{"role": "user", "content": 1}]}"#,
      "a number in 'content' of 'messages[0]', expected a string"
    ),
    (
      #"{"messages": [{"role": "user", "content": "x"}]}"#,
      "no message of the assistant in 'messages', expected at least one"
    ),
    (
      #"{"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": ""}]}"#,
      "an empty answer in 'messages[1]', expected text"
    ),
    (
      #"{"messages": [{"role": "assistant", "content": "x"}]}"#,
      "messages for a model without a chat template, "
        + "expected a chat template, or texts for prompt and completion"
    ),
    (
      #"{"prompt": "x", "prompt": "y", "completion": "z"}"#,
      #"byte 16: key "prompt" stands twice in one object, expected a JSON object"#
    ),
    (
      String(repeating: "[", count: 100_000),
      "byte 128: JSON nested deeper than 128 levels, expected a JSON object"
    ),
  ]

  @Test(arguments: bad)
  func badLinesAreOneClearLine(line: String, message: String) throws {
    let folder = try FinetuneFolder()
    let contents = "\(Self.good)\n\(line)\n\(Self.good)\n"
    let found = errorLine { _ = try folder.read("a.jsonl", contents) }
    #expect(found == "\(folder.files.path)/a.jsonl: line 2: \(message)")
    folder.options.skipsBad = true
    let summary = try folder.read("a.jsonl", contents).summary
    #expect(summary.records == 2 && summary.bad == 1)
    #expect(summary.badMessages == [found])
  }

  /// The second line, and what stands behind `path: line 2: `.
  static let badPreferences: [(String, String)] = [
    (
      #"{"prompt": "x", "completion": "y"}"#,
      "no 'chosen', expected an object with 'prompt', 'chosen' and 'rejected'"
    ),
    (
      #"{"chosen": "x", "rejected": "y"}"#,
      "no 'prompt', expected an object with 'prompt', 'chosen' and 'rejected'"
    ),
    (
      #"{"prompt": "x", "chosen": "y", "rejected": "y"}"#,
      "'chosen' and 'rejected' that are equal, expected two different answers"
    ),
    (
      #"{"prompt": "x", "chosen": "", "rejected": "y"}"#, "an empty 'chosen', expected text"
    ),
    (
      #"{"prompt": "x", "chosen": [{"role": "user", "content": "x"}], "rejected": "y"}"#,
      "'chosen' that begins with the role 'user', expected the assistant's answer"
    ),
  ]

  @Test(arguments: badPreferences)
  func badPreferencesAreOneClearLine(line: String, message: String) throws {
    let folder = try FinetuneFolder()
    folder.options.kind = .preferences
    let contents = "\n\(line)\n"
    let found = errorLine { _ = try folder.read("a.jsonl", contents) }
    #expect(found == "\(folder.files.path)/a.jsonl: line 2: \(message)")
  }

  /// Name, contents, what stands behind the path.
  static let badFiles: [(String, [UInt8], String)] = [
    ("a.jsonl", [], ": no example, expected text or JSON records"),
    ("a.jsonl", Array("\n \n".utf8), ": no example, expected text or JSON records"),
    ("a.txt", [], ": no example, expected text or JSON records"),
    ("a.json", Array("[]".utf8), ": no example, expected text or JSON records"),
    (
      "a.jsonl", Array("\(good)\n{\"text\": \"".utf8) + [0xff, 0xfe] + Array("\"}".utf8),
      ": line 2: bytes that are not UTF-8, expected a JSON object in UTF-8"
    ),
    (
      "a.txt", Array("a\0b".utf8),
      ": a NUL at byte 1 (a binary file or UTF-16), expected UTF-8 text"
    ),
    (
      "a.json", Array("[\(good),\n5]".utf8),
      ": record 2 (line 2): a number, expected \(kinds)"
    ),
    (
      "a.json", Array("[\(good),\n]".utf8),
      ": record 2 (line 2): byte 0: found the end of the text, expected a value, "
        + "expected a JSON object"
    ),
    (
      "a.json", Array("[\(good)\n".utf8),
      ": line 2: the end of an array that is not closed, expected ']'"
    ),
    (
      "a.json", Array("[\(good)]\n\n{}".utf8),
      ": line 3: text outside the array, expected one array of records, or a record a line"
    ),
    (
      "a.jsonl.gz", Array(gzip(Array(good.utf8)).dropLast(9)),
      ": gzip data that end too early, expected a whole gzip file"
    ),
  ]

  @Test(arguments: badFiles)
  func badFilesAreOneClearLine(name: String, contents: [UInt8], message: String) throws {
    let folder = try FinetuneFolder()
    let found = errorLine { _ = try folder.read(name, contents) }
    #expect(found == "\(folder.files.path)/\(name)\(message)")
  }

  /// Name, beginning, the byte that goes on without end, what stands behind the path.
  @Test(arguments: [
    ("a.jsonl", "", 0, ": line 1: more than 4194304 bytes, expected a record of at most that"),
    (
      "a.json", "[\"", 0x61,
      ": record 1 (line 1): more than 4194304 bytes, expected a record of at most that"
    ),
  ])
  func endlessRecordsEnd(
    name: String, beginning: String, byte: UInt8, message: String
  ) throws {
    let folder = try FinetuneFolder()
    let contents = Array(beginning.utf8) + [UInt8](repeating: byte, count: 5 << 20)
    let found = errorLine { _ = try folder.read(name, contents) }
    #expect(found == "\(folder.files.path)/\(name)\(message)")
  }

  @Test func plainTextHasNoPreferences() throws {
    let folder = try FinetuneFolder()
    folder.options.kind = .preferences
    #expect(
      errorLine { _ = try folder.read("a.txt", "some text") }
        == "\(folder.files.path)/a.txt: plain text, "
        + "expected JSON records with 'prompt', 'chosen' and 'rejected'")
  }

  @Test func aTemplateThatFailsNamesTheLine() throws {
    let folder = try FinetuneFolder(.sentencePiece, template: "llama2")
    let line =
      #"{"messages": [{"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}]}"#
    #expect(
      errorLine { _ = try folder.read("a.jsonl", "\n\(line)") }
        == "\(folder.files.path)/a.jsonl: line 2: llama2: line 1: the template says: "
        + "Conversation roles must alternate user/assistant/user/assistant/..., "
        + "expected an example that can be encoded"
    )
  }

  @Test func whatCannotBeUsedIsCounted() throws {
    let folder = try FinetuneFolder()
    folder.options.skipsBad = true
    let lines = (0..<20).map { $0 % 2 == 0 ? "bad \($0)" : Self.good }.joined(separator: "\n")
    let summary = try folder.read("a.jsonl", lines).summary
    #expect(summary.bad == 10 && summary.records == 10)
    #expect(summary.badMessages.count == FinetuneSummary.keptMessages)
    let path = "\(folder.files.path)/a.jsonl"
    #expect(
      errorLine { _ = try folder.read("a.jsonl", "bad") }
        == "\(path): no usable example (1 bad, 0 with nothing to learn; the first: "
        + "\(path): line 1: byte 0: found 'b', expected a value, expected a JSON object), "
        + "expected at least 1"
    )
  }

  @Test func aValidationShareNeedsTwoExamples() throws {
    let folder = try FinetuneFolder()
    folder.options.validationShare = 0.1
    #expect(
      errorLine { _ = try folder.read("a.jsonl", "\(Self.good)\n\(Self.good)") }
        == "\(folder.files.path)/a.jsonl: 1 different example, "
        + "expected at least 2 to set some apart for validation, or a validation file")
    folder.options.validationShare = 1
    #expect(
      errorLine { _ = try folder.read("a.jsonl", Self.good) }
        == "validation share: 1.0, expected at least 0 and below 1")
  }

  @Test func readingStopsWhenAsked() throws {
    let folder = try FinetuneFolder()
    let path = try folder.files.write("a.jsonl", Self.good)
    let found = errorLine {
      _ = try FinetuneData.read(
        path, options: folder.options, tokenizer: folder.tokenizer, chatTemplate: nil,
        shouldStop: { true })
    }
    #expect(found == "interrupted")
  }
}
