import Foundation
import GPTModel
import GPTTokenizer
import GPTTraining

/// A small vocabulary with a template, and files to learn from, gone when the test ends.
final class FinetuneFolder {
  enum Vocabulary: String, CaseIterable {
    /// Byte-level BPE with <|im_start|> and <|im_end|>, as SmolLM2 has it.
    case smollm
    /// SentencePiece BPE with a space before every text, <s> and </s>.
    case sentencePiece
  }

  let files: CorpusFolder
  let tokenizer: any Tokenizer
  var template: ChatTemplate?
  var options = FinetuneDataOptions(contextLength: 512, seed: 7)

  private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Fixtures/tokenizers").path

  /// - Parameter template: a file of the fixtures
  init(_ vocabulary: Vocabulary = .smollm, template: String? = nil) throws {
    let files = try CorpusFolder()
    self.files = files
    func copy(_ name: String, _ target: String) throws {
      try files.write(
        "tokenizer/\(target)",
        Array(Data(contentsOf: URL(fileURLWithPath: "\(Self.fixtures)/\(name)"))))
    }
    switch vocabulary {
    case .smollm:
      try copy("smollm.json", "tokenizer.json")
      try files.write(
        "tokenizer/tokenizer_config.json",
        "{\"bos_token\": \"<|im_start|>\", \"eos_token\": \"<|im_end|>\"}")
    case .sentencePiece: try copy("spm-bpe.model", "tokenizer.model")
    }
    tokenizer = try loadTokenizer(folder: files.path + "/tokenizer")
    if let template {
      let path = "\(Self.fixtures)/templates/\(template).jinja"
      let source = try String(decoding: Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
      self.template = try ChatTemplate(source: source, location: template)
    }
    options.validationShare = 0
  }

  func read(
    _ name: String, _ contents: String, validation: String? = nil
  ) throws -> FinetuneData {
    try read(name, Array(contents.utf8), validation: validation)
  }

  func read(
    _ name: String, _ contents: [UInt8], validation: String? = nil
  ) throws -> FinetuneData {
    let path = try files.write(name, contents)
    let validationPath = try validation.map { try files.write("validation.jsonl", $0) }
    return try FinetuneData.read(
      path, validationPath: validationPath, options: options, tokenizer: tokenizer,
      chatTemplate: template)
  }

  /// The rows of one epoch in the order of the file, when they are not packed.
  func rows(_ data: FinetuneData) -> [ShownRow] {
    (0..<data.training.fixedBatchCount(sequenceCount: 1)).flatMap { index in
      ShownRow.rows(of: data.training.fixedBatch(index, sequenceCount: 1))
    }
  }

  /// Every byte, the space that a vocabulary puts before texts too.
  func text(_ ids: [Int32]) -> String {
    String(
      decoding: ids.flatMap { tokenizer.bytes(of: $0, includeSpecialTokens: true) },
      as: UTF8.self)
  }

  /// What each example of a file says and learns.
  func shown(_ name: String, _ contents: String) throws -> [(text: String, learned: [String])] {
    options.packs = false
    return rows(try read(name, contents)).map { row in
      (text(row.tokens), row.trained.map(text))
    }
  }
}

/// A row of a batch, without its padding.
struct ShownRow: Equatable {
  /// Inputs, and the last target.
  var tokens: [Int32] = []
  /// Runs of targets that carry loss.
  var trained: [[Int32]] = []

  static func rows(of batch: TokenBatch) -> [ShownRow] {
    (0..<batch.sequenceCount).map { row in
      let range = row * batch.length..<(row + 1) * batch.length
      return ShownRow(Array(batch.inputs[range]), Array(batch.targets[range]))
    }
  }

  /// Padding is what follows the last target; examples end with a target that carries loss.
  init(_ inputs: [Int32], _ targets: [Int32]) {
    guard let last = targets.lastIndex(where: { $0 >= 0 }) else { return }
    tokens = Array(inputs[...last]) + [targets[last]]
    var run: [Int32] = []
    for target in targets[...last] {
      if target >= 0 {
        run.append(target)
      } else if !run.isEmpty {
        trained.append(run)
        run = []
      }
    }
    trained.append(run)
  }
}
