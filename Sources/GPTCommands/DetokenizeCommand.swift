internal import ArgumentParser
internal import GPT
internal import GPTJSON

struct DetokenizeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "detokenize",
    abstract: "Show the text of tokens.",
    discussion: """
      The ids come from the arguments, or from standard input with white space between them. \
      Control characters are written as escapes; --json has the exact text.

      EXAMPLES:
        gpt detokenize --model model.gguf 19556 905
        gpt tokenize --text "Hello" | gpt detokenize --json
      """)

  @OptionGroup var tokenizer: TokenizerArguments
  @Argument(help: "Token ids.") var ids: [Int32] = []
  @Flag(help: "Leave out control tokens.") var noSpecial = false
  @Flag(help: "Write {\"text\": …}.") var json = false

  func run() async throws {
    let ids = try ids.isEmpty ? IDLines.parse(standardInput()).flatMap { $0 } : ids
    let tokenizer = try tokenizer.open()
    let text = try tokenizer.decode(ids, includeSpecialTokens: !noSpecial)
    try StandardOutput.shared.writeLine(
      json ? JSONValue(members: [("text", .string(text))]).encoded() : Escaping.text(text))
  }

  private func standardInput() throws -> (text: String, location: String) {
    let location = "standard input"
    return (try Files.text(Files.readStandardInput(), location: location), location)
  }
}

/// Token ids as text: white space between ids, one sequence a line; empty lines are left out.
enum IDLines {
  static func parse(
    _ input: (text: String, location: String)
  ) throws(CommandError) -> [[Int32]] {
    var sequences: [[Int32]] = []
    var number = 0
    for line in input.text.split(
      omittingEmptySubsequences: false, whereSeparator: { $0.isNewline })
    {
      number += 1
      var ids: [Int32] = []
      for word in line.split(whereSeparator: { $0.isWhitespace }) {
        guard let id = Int32(word) else {
          throw .invalid(
            location: "\(input.location): line \(number)",
            found: String(word.prefix(40)).debugDescription, expected: "a token id")
        }
        ids.append(id)
      }
      if !ids.isEmpty { sequences.append(ids) }
    }
    return sequences
  }
}
