import Foundation
import GPT
import GPTCommands
import TestSupport
import Testing

/// Files of items, and what is said about bad ones.
@Suite struct EvaluationFileTests {
  enum Task: String, CaseIterable, Sendable { case choices, cloze, generate, classify }

  private static func read(_ task: Task, _ path: String) throws {
    switch task {
    case .choices: _ = try ChoicesTask(file: path, delimiter: nil, limit: nil)
    case .cloze: _ = try ClozeTask(file: path, delimiter: nil, limit: nil)
    case .generate: _ = try GenerateTask(file: path, options: GenerateTask.Options(), limit: nil)
    case .classify: _ = try ClassifyTask(file: path, options: ClassifyTask.Options(), limit: nil)
    }
  }

  /// The whole message about `text`, without the folder's name.
  private func message(_ task: Task, _ text: String) throws -> String? {
    try withTemporaryFolder { folder in
      let path = folder + "/items.jsonl"
      try Data(text.utf8).write(to: URL(fileURLWithPath: path))
      let error = #expect(throws: CommandError.self) { try Self.read(task, path) }
      return error?.description.replacingOccurrences(of: folder + "/", with: "")
    }
  }

  @Test(
    arguments: Task.allCases,
    [
      ("", "items.jsonl: no items, expected a JSON object a line"),
      ("\n \r\n", "items.jsonl: no items, expected a JSON object a line"),
      ("\n[1]\n", "items.jsonl: line 2: an array, expected a JSON object"),
      (
        "{\"a\": 1",
        "items.jsonl: line 1: byte 7: found the end of the text, expected ',' or '}', "
          + "expected a JSON object"
      ),
    ])
  func badLinesAreNamed(task: Task, file: (text: String, message: String)) throws {
    #expect(try message(task, file.text) == file.message)
  }

  @Test(arguments: [
    (
      Task.choices, #"{"context": "a", "endings": ["b", "c"]}"#,
      "no 'label', expected 'label', 'gold' or 'answer' with a place in 0..<2 or one of the endings"
    ),
    (
      .choices, #"{"context": "a", "endings": ["b", "c"], "label": 2}"#,
      "2 in 'label', expected a place in 0..<2 or one of the endings"
    ),
    (
      .choices, #"{"ctx": "a", "choices": ["b", "c"], "gold": "-1"}"#,
      "-1 in 'gold', expected a place in 0..<2 or one of the endings"
    ),
    (
      .choices, #"{"context": "a", "endings": ["b", "c"], "label": "d\u0007"}"#,
      "'d\\u{7}' in 'label', expected a place in 0..<2 or one of the endings"
    ),
    (
      .choices, #"{"context": "a", "endings": ["b"], "label": 0}"#, "1 endings, expected at least 2"
    ),
    (
      .choices, #"{"context": "a", "endings": ["b", ""], "label": 0}"#,
      "ending 1 that is empty, expected text"
    ),
    (
      .choices, #"{"context": "a", "endings": ["b", 3], "label": 0}"#,
      "a number in 'endings', expected a list of strings"
    ),
    (
      .choices, #"{"endings": ["b", "c"], "label": 0}"#,
      "no 'context', expected 'context' or 'ctx' or 'query' with a string"
    ),
    (.cloze, #"{"context": "a"}"#, "no 'target', expected 'target' with a string"),
    (.cloze, #"{"context": "a", "target": ""}"#, "an empty 'target', expected text"),
    (
      .cloze, #"{"text": "word"}"#,
      "a 'text' of one word, expected words, the last of which is the target"
    ),
    (
      .generate, #"{"prompt": "a"}"#,
      "no 'answer', expected 'answer' with a string, a number or a list"
    ),
    (
      .generate, #"{"prompt": "a", "answer": []}"#,
      "no answers in 'answer', expected at least one"
    ),
    (
      .generate, #"{"messages": [{"role": "robot", "content": "a"}], "answer": "b"}"#,
      "the role 'robot' in 'messages[0]', expected one of system, user, assistant"
    ),
    (
      .generate, #"{"messages": [{"role": "user"}], "answer": "b"}"#,
      "an object without 'role' or 'content' in 'messages[0]', expected an object with both as "
        + "strings"
    ),
    (
      .classify, #"{"text": "a"}"#,
      "no 'label', expected 'label', 'completion', or 'messages' with the answer"
    ),
    (.classify, #"{"text": "a", "label": null}"#, "null in 'label', expected a string or a number"),
    (.classify, #"{"text": "a", "label": ""}"#, "an empty label, expected text"),
    (
      .classify, #"{"messages": [{"role": "user", "content": "a"}]}"#,
      "'messages' that do not end with an answer, expected the assistant's message as the label"
    ),
  ])
  func badItemsAreNamed(task: Task, line: String, message: String) throws {
    let found = try self.message(task, line + "\n")
    #expect(found == "items.jsonl: line 1: " + message)
  }

  @Test func oneLabelIsNoClassification() throws {
    let line = #"{"text": "a", "label": "x"}"#
    #expect(
      try message(.classify, "\(line)\n\(line)\n")
        == "items.jsonl: 1 different labels, expected 2 to 1000")
  }

  @Test func aLabelThatWasNotGivenIsAnError() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/items.jsonl"
      let text = "{\"text\": \"a\", \"label\": 1}\n{\"text\": \"b\", \"label\": 2}\n"
      try Data(text.utf8).write(to: URL(fileURLWithPath: path))
      var options = ClassifyTask.Options()
      options.labels = ["bad", "good"]
      let error = #expect(throws: CommandError.self) {
        try ClassifyTask(file: path, options: options, limit: nil)
      }
      #expect(error?.description == "\(path): line 2: the label '2', expected one of bad, good")
      let task = try ClassifyTask(file: path, options: options, limit: 1)
      #expect(task.items.map(\.label) == [1])
    }
  }

  /// The same conversation in every spelling.
  @Test func whatFinetuningTakesCanBeClassified() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/items.jsonl"
      let lines = [
        #"{"text": "a", "label": "x"}"#, #"{"prompt": "a", "label": "y"}"#,
        #"{"prompt": "a", "completion": "x"}"#,
        #"{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "y"}]}"#,
        #"{"messages": [{"role": "user", "content": "a"}], "label": true}"#,
      ]
      try Data(lines.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: path))
      let task = try ClassifyTask(file: path, options: ClassifyTask.Options(), limit: nil)
      let conversation = ItemPrompt.messages([Transcript.Entry(role: .user, content: "a")])
      #expect(task.labels == ["x", "y", "true"])
      #expect(task.items.map(\.label) == [0, 1, 0, 1, 2])
      #expect(
        task.items.map(\.prompt)
          == [.text("a"), .text("a"), .text("a"), conversation, conversation])
      #expect(task.items.map(\.isCompletion) == [false, false, true, true, false])
    }
  }

  @Test func lastWordsOfTextsAreTargets() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/items.jsonl"
      let lines = #"{"text": "to be or not"}"# + "\n" + #"{"context": "a ", "target": "b"}"#
      try Data(lines.utf8).write(to: URL(fileURLWithPath: path))
      let items = try ClozeTask(file: path, delimiter: nil, limit: nil).items
      #expect(items.map(\.context) == ["to be or", "a "])
      #expect(items.map(\.target) == ["not", "b"])
    }
  }
}
