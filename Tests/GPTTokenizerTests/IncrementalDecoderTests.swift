import GPTJSON
import GPTTokenizer
import Testing

@Suite struct IncrementalDecoderTests {
  @Test(arguments: ["smollm", "spm-bpe"])
  func piecesJoinToTheWholeText(name: String) throws {
    let tokenizer: any Tokenizer =
      name == "smollm"
      ? try Fixture.byteLevel(name)
      : try SentencePieceTokenizer(contentsOf: Fixture.folder + "/\(name).model")
    for text in try Fixture.rows("lines.jsonl").compactMap(\.string) {
      let ids = try tokenizer.encode(text, addSpecialTokens: false, parseSpecialTokens: false)
      var decoder = IncrementalDecoder(tokenizer: tokenizer)
      var joined = ids.map { decoder.append($0) }.joined() + decoder.finish()
      if name == "spm-bpe", joined.unicodeScalars.first == " " {
        joined = String(joined.unicodeScalars.dropFirst())
      }
      let whole = tokenizer.decode(ids, includeSpecialTokens: false)
      #expect(joined.utf8.elementsEqual(whole.utf8), "\(text.debugDescription)")
    }
  }

  @Test func halfACharacterIsHeldBack() throws {
    let tokenizer = try Fixture.byteLevel("gpt-2")
    func id(_ byte: UInt8) throws -> Int32 {
      try #require(tokenizer.id(ofPiece: String(ByteAlphabet.scalars[Int(byte)])))
    }
    var decoder = IncrementalDecoder(tokenizer: tokenizer)
    let parts = try [0xf0, 0x9f, 0x99, 0x82].map { decoder.append(try id($0)) }
    #expect(parts == ["", "", "", "🙂"])
    let broken = try [0xe2, 0x41, 0xff, 0xe0, 0x80].map { decoder.append(try id($0)) }
    #expect(broken == ["", "\u{fffd}A", "\u{fffd}", "", "\u{fffd}\u{fffd}"])
    #expect(try decoder.append(id(0xf0)) == "")
    #expect(decoder.finish() == "\u{fffd}")
    #expect(decoder.finish() == "")
  }
}
