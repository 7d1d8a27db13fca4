import Foundation
import GPTJSON
import GPTTensor
import GPTTokenizer
import Testing

@Suite struct SentencePieceTests {
  private func lines() throws -> [String] {
    (0..<300).map { "the river \($0) holds a house and the garden it's \($0 * 7 % 31) é" }
  }

  @Test(arguments: [SentencePieceTrainer.Algorithm.bpe, .unigram])
  func trainingTwiceGivesTheSameBytes(algorithm: SentencePieceTrainer.Algorithm) throws {
    var trainer = SentencePieceTrainer(vocabularySize: 310)
    trainer.algorithm = algorithm
    trainer.hasHardVocabularyLimit = false
    let model = try trainer.train(try lines())
    #expect(try trainer.train(try lines()) == model)
    let tokenizer = try SentencePieceTokenizer(modelBytes: model, location: "trained")
    let text = "  the river\n🙂 \t12"
    let ids = try tokenizer.encode(text, addSpecialTokens: true, parseSpecialTokens: false)
    #expect(ids.first == 1 && tokenizer.decode(ids, includeSpecialTokens: false) == text)
  }

  @Test func trainingErrorsAreThrown() throws {
    #expect(
      errorText { _ = try SentencePieceTrainer(vocabularySize: 5).train(["abc def"]) }
        .hasPrefix("training a vocabulary: "))
    #expect(errorText { _ = try SentencePieceTrainer(vocabularySize: 300).train([]) } != "no error")
    var trainer = SentencePieceTrainer(vocabularySize: 300)
    trainer.extraOptions = ["input": "/etc/passwd"]
    #expect(
      errorText { _ = try trainer.train(["a"]) }
        == "training a vocabulary: the option 'input', expected none that names a file")
  }

  @Test func aVocabularyThroughGGUFGivesTheIdsOfItsModel() throws {
    let path = Fixture.folder + "/spm-bpe.model"
    let original = try SentencePieceTokenizer(contentsOf: path)
    let model = try SentencePieceModelFile(RegularFile.bytes(of: path), location: path)
    var file = GGUFVocabulary(
      model: "llama", tokens: ByteStrings(model.pieces.map(\.bytes)), location: "m.gguf")
    file.scores = model.pieces.map(\.score)
    file.types = model.pieces.map(\.type.rawValue)
    (file.beginningOfSequence, file.endOfSequence, file.unknown) = (1, 2, 0)
    let tokenizer = try makeTokenizer(file)
    for text in try Fixture.rows("lines.jsonl").compactMap(\.string) {
      #expect(
        try tokenizer.encode(text, addSpecialTokens: true, parseSpecialTokens: true)
          == original.encode(text, addSpecialTokens: true, parseSpecialTokens: true))
    }
    #expect(tokenizer.endOfSequence == 2 && tokenizer.vocabularySize == model.pieces.count)
  }

  @Test func controlTokensAreFoundOnlyWhenAskedFor() throws {
    let tokenizer = try SentencePieceTokenizer(contentsOf: Fixture.folder + "/spm-bpe.model")
    let pad = try #require(tokenizer.id(ofPiece: "<pad>"))
    let text = "a<pad>b"
    #expect(
      try tokenizer.encode(text, addSpecialTokens: false, parseSpecialTokens: true).contains(pad))
    #expect(
      try !tokenizer.encode(text, addSpecialTokens: false, parseSpecialTokens: false)
        .contains(pad))
    #expect(tokenizer.isSpecial(pad) && tokenizer.bytes(of: pad, includeSpecialTokens: false) == [])
  }
}
