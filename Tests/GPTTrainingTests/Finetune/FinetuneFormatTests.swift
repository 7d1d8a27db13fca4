import GPTModel
import GPTTraining
import Testing

@Suite struct FinetuneFormatTests {
  /// Record, the text of the example, what carries loss, without a template.
  static let plain: [(String, String, [String])] = [
    (
      #"{"prompt": "What is it?", "completion": " A stone."}"#, "What is it? A stone.<|im_end|>",
      [" A stone.<|im_end|>"]
    ),
    (
      #"{"instruction": "Add.", "input": "1 and 2", "output": "3", "id": 7}"#,
      "### Instruction:\nAdd.\n\n1 and 2\n\n### Response:\n3<|im_end|>", ["3<|im_end|>"]
    ),
    (
      #"{"instruction": "Add.", "input": "", "output": "3"}"#,
      "### Instruction:\nAdd.\n\n### Response:\n3<|im_end|>", ["3<|im_end|>"]
    ),
    (#"{"text": "A house."}"#, "A house.<|im_end|>", [" house.<|im_end|>"]),
    (
      #"{"prompt": "say <|im_end|>", "completion": "<|im_end|>!"}"#,
      "say <|im_end|><|im_end|>!<|im_end|>", ["<|im_end|>!<|im_end|>"]
    ),
  ]

  @Test(arguments: plain)
  func recordsWithoutATemplate(line: String, text: String, learned: [String]) throws {
    let folder = try FinetuneFolder()
    let shown = try folder.shown("a.jsonl", line)
    #expect(shown.map(\.text) == [text])
    #expect(shown.map(\.learned) == [learned])
  }

  static let system =
    "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face"
    + "<|im_end|>\n"

  static let withTemplate: [(String, String, [String])] = [
    (
      #"{"prompt": "hi", "completion": "ho"}"#,
      system + "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\nho<|im_end|>",
      ["ho<|im_end|>"]
    ),
    (
      #"{"instruction": "Add.", "input": "1", "output": "2"}"#,
      system + "<|im_start|>user\nAdd.\n\n1<|im_end|>\n<|im_start|>assistant\n2<|im_end|>",
      ["2<|im_end|>"]
    ),
    (
      #"{"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "a"}, "#
        + #"{"role": "assistant", "content": "b", "name": "x"}, {"role": "user", "content": "c"}, "#
        + #"{"role": "assistant", "content": " d\n"}, {"role": "user", "content": "e"}]}"#,
      "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n"
        + "b<|im_end|>\n<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n d\n<|im_end|>",
      ["b<|im_end|>", " d\n<|im_end|>"]
    ),
    (#"{"text": "A house."}"#, "A house.<|im_end|>", [" house.<|im_end|>"]),
    (
      #"{"messages": [{"role": "assistant", "content": "first"}]}"#,
      system + "<|im_start|>assistant\nfirst<|im_end|>", ["first<|im_end|>"]
    ),
  ]

  @Test(arguments: withTemplate)
  func recordsWithATemplate(line: String, text: String, learned: [String]) throws {
    let folder = try FinetuneFolder(template: "smollm2")
    let shown = try folder.shown("a.jsonl", line)
    #expect(shown.map(\.text) == [text])
    #expect(shown.map(\.learned) == [learned])
  }

  @Test func lossOnAllLeavesNothingOut() throws {
    let folder = try FinetuneFolder(template: "smollm2")
    folder.options.lossOn = .all
    let shown = try folder.shown("a.jsonl", #"{"prompt": "hi", "completion": "ho"}"#)
    let rest = Self.system.dropFirst("<|im_start|>".count)
    #expect(
      shown[0].learned
        == ["\(rest)<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\nho<|im_end|>\n"])
  }

  /// File name and contents; every one holds the same two records.
  static let containers: [(String, [UInt8])] = {
    let first = #"{"prompt": "[a,\"]", "completion": "b}"}"#
    let second = #"{"prompt": "c", "completion": "d"}"#
    return [
      ("a.jsonl", Array("\(first)\n\(second)\n".utf8)),
      ("a.ndjson", Array("\r\n\(first)\r\n\n  \n\(second)".utf8)),
      ("a.json", Array("[\n  \(first),\n  \(second)\n]\n".utf8)),
      ("a.jsonl", Array("\u{feff}[\(first),\(second)]".utf8)),
      ("a.jsonl", Array("\u{feff}\(first)\n\(second)".utf8)),
      ("a.json.gz", gzip(Array("\(first)\n\(second)\n".utf8))),
    ]
  }()

  @Test(arguments: containers)
  func linesArraysAndGzipAreTheSame(name: String, contents: [UInt8]) throws {
    let folder = try FinetuneFolder()
    folder.options.packs = false
    let data = try folder.read(name, contents)
    let texts = folder.rows(data).map { folder.text($0.tokens) }
    #expect(texts == ["[a,\"]b}<|im_end|>", "cd<|im_end|>"])
    #expect(data.summary.records == 2)
  }

  @Test func aTextFileIsWindowsThatLoseNothing() throws {
    let folder = try FinetuneFolder()
    folder.options.contextLength = 16
    folder.options.packs = false
    let text = sampleText(lines: 40)
    let data = try folder.read("a.txt", text)
    let rows = folder.rows(data)
    let ids = rows[0].tokens.prefix(1) + rows.flatMap { $0.tokens.dropFirst() }
    #expect(folder.text(Array(ids)) == text + "<|im_end|>")
    #expect(rows.dropLast().allSatisfy { $0.tokens.count == 17 })
    #expect(data.summary.truncated == 0 && data.summary.divided == 1)
    #expect(data.summary.training.trainedTokens == ids.count - 1)
    #expect(data.summary.training.examples == rows.count)
  }

  @Test func preferencesAreTwoRowsWithTheSamePrompt() throws {
    let folder = try FinetuneFolder(template: "smollm2")
    folder.options.kind = .preferences
    let data = try folder.read(
      "a.jsonl",
      #"{"prompt": "hi", "chosen": "good", "rejected": "a bad one"}"# + "\n"
        + #"{"prompt": [{"role": "user", "content": "x"}], "#
        + #""chosen": [{"role": "assistant", "content": "y"}], "rejected": "z"}"#)
    let batch = data.training.fixedBatch(0, sequenceCount: 2)
    #expect(batch.sequenceCount == 4 && batch.length % 8 == 0)
    let rows = ShownRow.rows(of: batch)
    let learned = rows.map { $0.trained.map(folder.text) }
    #expect(
      learned == [["good<|im_end|>"], ["a bad one<|im_end|>"], ["y<|im_end|>"], ["z<|im_end|>"]])
    #expect(
      folder.text(rows[0].tokens).replacing("good", with: "a bad one")
        == folder.text(rows[1].tokens))
    #expect(data.summary.training.examples == 2 && data.summary.training.rows == 2)
    let endless = data.microBatch(5, sequenceCount: 3)
    #expect(endless.sequenceCount == 6)
  }
}
