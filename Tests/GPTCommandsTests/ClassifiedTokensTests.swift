import Foundation
import GPT
import GPTCommands
import GPTModel
import GPTTokenizer
import GPTTraining
import TestSupport
import Testing

/// A held-out file is scored on the very tokens that training would see.
@Suite struct ClassifiedTokensTests {
  /// Every message between the control tokens that the fixtures have.
  private static let template = """
    {% for message in messages %}{{ bos_token }}{{ message['role'] }}
    {{ message['content'] }}{{ eos_token }}
    {% endfor %}{% if add_generation_prompt %}{{ bos_token }}assistant
    {% endif %}
    """

  private static let completion = #"{"prompt": "The dog's bowl", "completion": "full"}"#
  private static let conversation = """
    {"messages": [{"role": "system", "content": "Say it."}, \
    {"role": "user", "content": "The <|end_of_text|> dog"}, \
    {"role": "assistant", "content": "full"}]}
    """

  /// Calls `body` with the path of a fixture's copy, which has a chat template if asked for.
  private func withModel(
    _ name: String, template: String?, _ body: (String) async throws -> Void
  ) async throws {
    let parts = #filePath.split(separator: "/").dropLast(2)
    let fixture = "/" + parts.joined(separator: "/") + "/Fixtures/models/" + name
    let folder = FileManager.default.temporaryDirectory.path + "/gpt-test-\(UUID().uuidString)"
    try FileManager.default.copyItem(atPath: fixture, toPath: folder)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    if let template {
      try Data(template.utf8).write(to: URL(fileURLWithPath: folder + "/chat_template.jinja"))
    }
    try await body(folder)
  }

  @Test(
    arguments: [
      ("gpt2", nil, completion), ("mistral", nil, completion),
      ("llama", template, completion), ("llama", template, conversation),
      ("mistral", template, completion), ("mistral", template, conversation),
    ] as [(String, String?, String)])
  func promptsAndLabelsAreThoseOfTraining(
    name: String, template: String?, record: String
  ) async throws {
    try await withModel(name, template: template) { path in
      let file = path + "/items.jsonl"
      try Data((record + "\n").utf8).write(to: URL(fileURLWithPath: file))
      var options = ClassifyTask.Options()
      options.labels = ["full", "empty"]
      let task = try ClassifyTask(file: file, options: options, limit: nil)
      let request = try task.requests(for: try await LanguageModel(at: path))[0]

      var dataOptions = FinetuneDataOptions(contextLength: 96, seed: 1)
      dataOptions.validationShare = 0
      dataOptions.packs = false
      let data = try FinetuneData.read(
        file, options: dataOptions, tokenizer: try openTokenizer(path: path),
        chatTemplate: try loadChatTemplate(folder: path))
      let batch = data.microBatch(0, sequenceCount: 1)
      let label = request.continuations[0]
      let start = request.context.count - 1
      #expect(Array(batch.inputs.prefix(request.context.count)) == request.context)
      #expect(Array(batch.targets[start..<start + label.count]) == label)
      #expect(batch.targets[..<start].allSatisfy { $0 == -1 })
    }
  }
}
