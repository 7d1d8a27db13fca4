import GPTTokenizer
import Testing

@Suite struct ChatTemplateLimitTests {
  /// Templates that ask for more than any published one end with an error.
  @Test(arguments: [
    "{% for i in range(10**9) %}{% endfor %}",
    "{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}",
    doubling + "{% set n.x = n.x ~ n.x %}{% endfor %}",
    doubling + "{% set n.x = n.x.replace('a', 'aa' * 9999) %}{% endfor %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "{{ 'a' * 1000000000000 }}",
    "{% set x = 'a' * 9999999 %}{{ x }}{{ x }}",
    "{{ " + String(repeating: "(", count: 100_000),
    "{{ " + String(repeating: "[", count: 50_000) + String(repeating: "]", count: 50_000) + "}}",
    "{{ " + String(repeating: "not ", count: 50_000) + "a }}",
    "{{ " + String(repeating: "-", count: 50_000) + "1 }}",
    String(repeating: "{% if a %}", count: 40_000),
    String(repeating: "{% for a in a %}", count: 30_000),
  ])
  func hostileTemplatesEndWithAnError(_ source: String) {
    #expect(throws: TokenizerError.self) { try render(source) }
  }

  private static let doubling = "{% set n = namespace(x='ab') %}{% for i in range(99) %}"

  private func render(_ source: String) throws -> String {
    try ChatTemplate(source: source, location: "t").render(
      messages: [ChatMessage(role: "user", content: "hi")], addGenerationPrompt: true)
  }

  @Test(arguments: [
    "{{ -9223372036854775807 - 1 }}", "{{ (-9223372036854775807 - 1) // -1 }}",
    "{{ (-9223372036854775807 - 1) % -1 }}", "{{ (-9223372036854775807 - 1) | abs }}",
    "{{ 'abc'[-9223372036854775807 - 1] }}", "{{ 'abc'[::-9223372036854775807 - 1] }}",
    "{{ range(9223372036854775800, 9223372036854775807, 5) | list }}", "{{ 1e300 | int }}",
    "{{ 1e999 // 2 }}", "{{ 5 % 1e999 }}", "{{ '\\777\\U00110000' }}", "{{ [1][99:-99:-3] }}",
    "{{ 'a'.split('a', 0) }}", "{%", "{{", "{", "{% for %}", "{% set %}", "{{ }}", "{{ a[] }}",
    "{{ a[:::] }}", "{{ {1: 2} }}", "{{ x(a=1, 2) }}",
    "{% set n = namespace() %}{% set n.n = n %}{{ n.n.n.n is defined }}{{ n }}",
    "{{ a" + String(repeating: ".a", count: 50_000) + " }}",
    "{{ a" + String(repeating: "|trim", count: 50_000) + " }}",
    "{{ 1" + String(repeating: "+1", count: 50_000) + " }}",
    "{{ a" + String(repeating: " if a else a", count: 40_000) + " }}",
  ])
  func oddTemplatesEndWithoutTrapping(_ source: String) {
    #expect((try? render(source).utf8.count) ?? 0 < 1 << 20)
  }
}
