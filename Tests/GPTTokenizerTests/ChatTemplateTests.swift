import Foundation
import GPTJSON
import GPTTokenizer
import Testing

@Suite struct ChatTemplateTests {
  private static let user = [ChatMessage(role: "user", content: "Hi")]

  private func render(_ source: String) throws -> String {
    try ChatTemplate(source: source, location: "t")
      .render(messages: Self.user, addGenerationPrompt: true)
  }

  @Test func renderingsEqualThoseOfJinja2() throws {
    for row in try Fixture.rows("chat.jsonl") {
      let name = try #require(row["template"]?.string)
      let template = try ChatTemplate(
        source: try Fixture.text("templates/" + name), location: name)
      let messages = (row["messages"]?.array ?? []).map { message in
        let extra = (message.object?.members ?? []).filter {
          $0.key != "role" && $0.key != "content"
        }
        return ChatMessage(
          role: message["role"]?.string ?? "", content: message["content"]?.string ?? "",
          extra: JSONObject(extra.map { ($0.key, $0.value) }))
      }
      let text = try? template.render(
        messages: messages, addGenerationPrompt: row["prompt"]?.boolean ?? false,
        bosToken: "<s>", eosToken: "</s>",
        extra: ["tools": row["tools"] ?? .null, "date_string": .string("26 Jul 2024")])
      #expect(text == row["text"]?.string, "\(name)")
    }
  }

  @Test(arguments: [
    ("{% include 'x' %}", "t: line 1: the statement 'include' is not supported"),
    ("\n\n{{ x | frob }}", "t: line 3: the filter 'frob' is not supported"),
    ("{{ 'a'.frob() }}", "t: line 1: the string method 'frob' is not supported"),
    ("{{ 1 // 0 }}", "t: line 1: 1 // 0"),
    ("{% if 1 %}", "t: line 1: the end of the template, expected 'endif'"),
    ("{{ raise_exception('no') }}", "t: line 1: the template says: no"),
    ("{{ x.y.z }}", "t: line 1: '.y' of 'x', which is undefined"),
  ])
  func errorsNameTheConstructAndItsLine(source: String, message: String) {
    let text = errorText { _ = try render(source) }
    #expect(text.hasPrefix(message), "\(text)")
  }

  @Test(arguments: [
    "{% for i in range(99999) %}{% for j in range(99999) %}x{% endfor %}{% endfor %}",
    "{% set n=namespace(s='ab') %}{% for i in range(99) %}{% set n.s=n.s~n.s %}{% endfor %}{{n.s}}",
    "{% set n=namespace(l=[1]) %}{% for i in range(99) %}{% set n.l=[n.l,n.l] %}{% endfor %}{{n.l}}",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "{{ 'a' * 9223372036854775807 }}", "{{ range(0, 100000000000) }}",
    "{{ 9223372036854775807 + 1 }}", "{{ (-9223372036854775807 - 1) // -1 }}",
  ])
  func hostileTemplatesEnd(source: String) {
    #expect(throws: TokenizerError.self) { try render(source) }
  }

  @Test func deepNestingIsRefused() {
    let source = "{{ " + String(repeating: "(", count: 900) + "1 }}"
    #expect(errorText { _ = try render(source) } == "t: line 1: nesting deeper than 48 levels")
  }

  @Test(arguments: [
    ("chatml", "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"),
    ("llama2", "<s>[INST] Hi [/INST]"),
    (
      "llama3",
      "<s><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
        + "<|start_header_id|>assistant<|end_header_id|>\n\n"
    ),
    ("mistral", "<s>[INST] Hi [/INST]"),
    ("gemma", "<s><start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\n"),
    ("zephyr", "<|user|>\nHi</s>\n<|assistant|>\n"),
    ("phi3", "<|user|>\nHi<|end|>\n<|assistant|>\n"),
    ("alpaca", "### Instruction:\nHi\n\n### Response:\n"),
  ])
  func knownFormatsAreFoundByName(name: String, text: String) throws {
    let template = try #require(try ChatTemplate.named(name))
    #expect(
      try template.render(
        messages: Self.user, addGenerationPrompt: true, bosToken: "<s>", eosToken: "</s>") == text)
    #expect(KnownChatFormat.names.contains(name))
    #expect(try ChatTemplate.named("no such format")?.source == nil)
  }
}
