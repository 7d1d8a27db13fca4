import GPTModel
import GPTTensor
import GPTTokenizer
import GPTWeights
import TestSupport
import Testing

/// The fixtures' folders and files, converted into each other.
@Suite struct ConversionTests {
  /// fp32, fp16 and bf16 among them; one with SentencePiece, one in shards.
  @Test(arguments: GoldenModel.folders)
  func aFolderComesBackBitEqualThroughGGUF(name: String) throws {
    let original = GoldenModel.folder(name).path
    try withTemporaryFolder { scratch in
      let (file, folder) = (scratch + "/m.gguf", scratch + "/m")
      try SourceModel.open(path: original).write(gguf: file)
      try SourceModel.open(path: file).write(folder: folder)
      try expectEqualTensors(original, folder)
      let (left, right) = try (
        GoldenModel.folder(name).open(), GoldenModel(name: name, path: folder).open()
      )
      #expect(right.configuration == left.configuration)
      #expect(right.stopTokens == left.stopTokens)
      try expectEqualTokenizers(left.tokenizer, right.tokenizer)
    }
  }

  @Test(arguments: GoldenModel.folders)
  func theGGUFOfAFolderContinuesAsTransformersDoes(name: String) throws {
    let expected = try GoldenModel.folder(name).expectation()
    try withTemporaryFolder { scratch in
      let file = scratch + "/m.gguf"
      try SourceModel.open(path: GoldenModel.folder(name).path).write(gguf: file)
      let model = try GoldenModel(name: name, path: file).open()
      #expect(try greedy(model, expected.ids, count: expected.greedy.count) == expected.greedy)
    }
  }

  /// The fixtures' GGUF files are written by PyPI gguf, laid out as llama.cpp's converter does.
  @Test(arguments: GoldenModel.files)
  func ourGGUFHasTheReferencesTensorsAndFields(name: String) throws {
    let reference = try GGUFFile(path: "\(GoldenModel.fixtures)/\(name).gguf")
    try withTemporaryFolder { scratch in
      try SourceModel.open(path: GoldenModel.folder(name).path).write(gguf: scratch + "/m.gguf")
      let ours = try GGUFFile(path: scratch + "/m.gguf")
      #expect(Set(ours.tensorNames) == Set(reference.tensorNames))
      for tensor in reference.tensorNames {
        let (expected, found) = try (reference.required(tensor), ours.required(tensor))
        #expect(found.dtype == expected.dtype && found.shape == expected.shape, "\(tensor)")
        #expect(found.bytes.elementsEqual(expected.bytes), "\(tensor)")
      }
      for key in reference.keys where !key.hasPrefix("general.name") {
        #expect(ours.value(key) == reference.value(key), "\(key)")
      }
      #expect(
        try ours.byteStrings("tokenizer.ggml.tokens")
          == reference.byteStrings("tokenizer.ggml.tokens"))
      #expect(
        try ours.strings("tokenizer.ggml.merges") == reference.strings("tokenizer.ggml.merges"))
      #expect(
        try ours.integers("tokenizer.ggml.token_type")
          == reference.integers("tokenizer.ggml.token_type"))
    }
  }

  @Test(arguments: GoldenModel.files)
  func aGGUFWithoutChangesIsCopiedTensorByTensor(name: String) throws {
    let path = "\(GoldenModel.fixtures)/\(name).gguf"
    try withTemporaryFolder { scratch in
      try SourceModel.open(path: path).write(gguf: scratch + "/m.gguf")
      let (left, right) = try (GGUFFile(path: path), GGUFFile(path: scratch + "/m.gguf"))
      #expect(Set(left.keys) == Set(right.keys))
      for tensor in left.tensorNames {
        #expect(
          try left.required(tensor).bytes.elementsEqual(right.required(tensor).bytes), "\(tensor)")
      }
    }
  }

  @Test(arguments: GoldenModel.folders, [DType.q8_0, .q4_0, .q4K, .q6K])
  func aQuantisedModelStaysNearTheOriginal(name: String, dtype: DType) throws {
    let expected = try GoldenModel.folder(name).expectation()
    try withTemporaryFolder { scratch in
      let file = scratch + "/m.gguf"
      try SourceModel.open(path: GoldenModel.folder(name).path).write(gguf: file, type: dtype)
      let model = try GoldenModel(name: name, path: file).open()
      let logits = try model.transformer.forward(
        expected.ids, cache: model.transformer.makeCache(), logits: .all)
      let difference = largestDifference(logits, expected.logits) / expected.range
      #expect(difference <= 0.1, "\(name) as \(dtype.rawValue): \(difference) of range")
    }
  }

  @Test func aFolderHoldsNoQuantisedTypes() throws {
    let source = try SourceModel.open(path: GoldenModel.folder("gpt2").path)
    try withTemporaryFolder { scratch in
      #expect {
        try source.write(folder: scratch + "/m", type: .q8_0)
      } throws: { error in
        "\(error)".hasSuffix(
          "expected F32, F16 or BF16 in a folder "
            + "(quantised types are for .gguf files)")
      }
      let entries = try folderEntries(path: scratch)
      #expect(entries.isEmpty)
    }
  }

  @Test(arguments: [true, false])
  func aStoppedConversionLeavesNothing(toFile: Bool) throws {
    let source = try SourceModel.open(path: GoldenModel.folder("llama").path)
    try withTemporaryFolder { scratch in
      let isWhole =
        toFile
        ? try source.write(gguf: scratch + "/m.gguf") { _, _ in false }
        : try source.write(folder: scratch + "/m") { _, _ in false }
      #expect(!isWhole)
      let entries = try folderEntries(path: scratch)
      #expect(entries.isEmpty)
    }
  }

  private func expectEqualTensors(_ left: String, _ right: String) throws {
    let (expected, found) = try (openSafetensors(folder: left), openSafetensors(folder: right))
    for name in found.tensorNames {
      // Published GPT-2 names lack the prefix that is written.
      let original = expected.contains(name) ? name : String(name.dropFirst("transformer.".count))
      let (one, two) = try (expected.required(original), found.required(name))
      #expect(one.dtype == two.dtype && one.shape == two.shape, "\(name)")
      #expect(one.bytes.elementsEqual(two.bytes), "\(name)")
    }
    let isMask = { (name: String) in name.hasSuffix(".attn.bias") }
    #expect(found.tensorNames.count == expected.tensorNames.filter { !isMask($0) }.count)
  }

  private func expectEqualTokenizers(_ left: any Tokenizer, _ right: any Tokenizer) throws {
    #expect(left.vocabularySize == right.vocabularySize)
    #expect(left.beginningOfSequence == right.beginningOfSequence)
    #expect(left.endOfSequence == right.endOfSequence)
    for text in Self.texts {
      for special in [true, false] {
        let ids = try left.encode(text, addSpecialTokens: special, parseSpecialTokens: special)
        let others = try right.encode(text, addSpecialTokens: special, parseSpecialTokens: special)
        #expect(ids == others, "\(text.debugDescription)")
        #expect(
          left.decode(ids, includeSpecialTokens: true)
            == right.decode(ids, includeSpecialTokens: true))
      }
    }
  }

  private static let texts = [
    "", " ", "The capital of France is Paris.", "  two  spaces\n\n\nand lines\t", "e\u{301}té été",
    "1234567 12.5%", "it's WE'LL", "<|endoftext|>x<|im_start|>y</s>", "日本語 🙂 \u{1f468}\u{200d}",
  ]
}

/// The most probable tokens after `ids`, one after the other.
func greedy(_ model: OpenedModel, _ ids: [Int32], count: Int) throws -> [Int32] {
  let cache = model.transformer.makeCache()
  var logits = try model.transformer.forward(ids, cache: cache, logits: .last)
  var result: [Int32] = []
  while result.count < count {
    let next = Int32(logits.indices.max { logits[$0] < logits[$1] } ?? 0)
    result.append(next)
    logits = try model.transformer.forward([next], cache: cache, logits: .last)
  }
  return result
}
