internal import ArgumentParser
internal import GPT
internal import GPTJSON

struct TokenizeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenize",
    abstract: "Show the tokens of a text.",
    discussion: """
      The text comes from --text, --file, or standard input. With --lines every line is a text of \
      its own; lines end at line feeds only. Bytes that are not UTF-8 are replaced by U+FFFD, one \
      for each maximal part of a character, as Python's errors="replace" does.

      EXAMPLES:
        gpt tokenize --model model.gguf --text "Hello world"
        gpt tokenize --model tokenizer.model --text "Hello world" --json
        gpt tokenize --model model/ --file corpus.txt --lines --json > ids.jsonl
      """)

  @OptionGroup var tokenizer: TokenizerArguments
  @Option(help: "Text to tokenize.") var text: String?
  @Option(help: "File to tokenize.") var file: String?
  @Flag(help: "Do not add the tokens that the model puts around a text.") var noSpecial = false
  @Flag(help: "Recognise the text of control tokens.") var parseSpecial = false
  @Flag(help: "Every line of input is a text of its own.") var lines = false
  @Flag(help: "Write {\"ids\": […], \"pieces\": […]} instead of ids.") var json = false

  func validate() throws {
    if text != nil, file != nil { throw ValidationError("Give either --text or --file.") }
  }

  func run() async throws {
    let bytes = try inputBytes()
    let tokenizer = try tokenizer.open()
    guard lines else { return try write(bytes[...], tokenizer) }
    var rest = bytes[...]
    while !rest.isEmpty {
      let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.endIndex
      try write(rest[..<end], tokenizer)
      rest = rest[min(end + 1, rest.endIndex)...]
    }
  }

  private func inputBytes() throws -> [UInt8] {
    if let text { return Array(text.utf8) }
    if let file { return try Files.readAll(path: file) }
    return try Files.readStandardInput()
  }

  private func write(_ bytes: ArraySlice<UInt8>, _ tokenizer: TextTokenizer) throws {
    let ids = try tokenizer.encode(
      String(decoding: bytes, as: UTF8.self), addSpecialTokens: !noSpecial,
      parseSpecialTokens: parseSpecial)
    guard json else {
      return try StandardOutput.shared.writeLine(ids.map(String.init).joined(separator: " "))
    }
    let pieces = ids.map { JSONValue(optional: tokenizer.piece(of: $0)) }
    let object = JSONValue(members: [("ids", JSONValue(ids: ids)), ("pieces", .array(pieces))])
    try StandardOutput.shared.writeLine(object.encoded())
  }
}
