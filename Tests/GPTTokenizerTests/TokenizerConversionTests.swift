import Foundation
import GPTJSON
import GPTTensor
import GPTTokenizer
import Testing

/// A folder's tokenizer as GGUF fields, and those as a folder's files.
@Suite struct TokenizerConversionTests {
  @Test(
    arguments: ["gpt-2", "prefix-space", "smollm", "llama-bpe", "qwen2", "gpt-4o", "tekken"])
  func byteLevelIdsSurviveBothWays(name: String) throws {
    let original = try Fixture.byteLevel(name)
    try Fixture.withFolder(["tokenizer.json": Fixture.text(name + ".json")]) { folder in
      let fields = try GGUFVocabulary(folder: folder, size: original.vocabularySize + 3)
      #expect(fields.tokens.count == original.vocabularySize + 3)
      #expect(
        fields.tokens.last.map(Array.init) == Array("[PAD\(original.vocabularySize + 2)]".utf8))
      let files = try fields.folderFiles(chatTemplate: "{{ messages }}")
      try withFiles(files) { folder in
        let back = try loadTokenizer(folder: folder)
        #expect(back.vocabularySize == original.vocabularySize)
        #expect(try loadChatTemplate(folder: folder)?.source == "{{ messages }}")
        for (index, line) in try Fixture.rows("lines.jsonl").compactMap(\.string).enumerated()
        where index % 3 == 0 {
          let ids = try original.encode(line, addSpecialTokens: true, parseSpecialTokens: false)
          #expect(
            try back.encode(line, addSpecialTokens: true, parseSpecialTokens: false) == ids,
            "\(line.debugDescription)")
        }
      }
    }
  }

  /// A model that normalises has no place in GGUF, nor has a unigram model.
  @Test func unigramModelsHaveNoGGUFFields() throws {
    let path = Fixture.folder + "/spm-unigram.model"
    let model = try Data(contentsOf: URL(fileURLWithPath: path))
    try withFiles(["tokenizer.model": Array(model)]) { folder in
      let message = errorText { _ = try GGUFVocabulary(folder: folder, size: 5000) }
      #expect(
        message.hasSuffix(
          "tokenizer.model: a unigram model is not supported, expected BPE without normalisation, "
            + "the only SentencePiece model of a GGUF file here"), "\(message)")
    }
  }

  @Test func moreTokensThanRowsAreAnError() throws {
    try Fixture.withFolder(["tokenizer.json": Fixture.text("gpt-2.json")]) { folder in
      let message = errorText { _ = try GGUFVocabulary(folder: folder, size: 17) }
      #expect(message.hasSuffix("tokens, expected at most 17, the rows of the model's embedding"))
    }
  }

  private func withFiles(_ files: [String: [UInt8]], _ body: (String) throws -> Void) throws {
    try Fixture.withFolder([:]) { folder in
      for (name, bytes) in files {
        try Data(bytes).write(to: URL(fileURLWithPath: folder + "/" + name))
      }
      try body(folder)
    }
  }
}
