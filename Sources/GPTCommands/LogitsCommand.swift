internal import ArgumentParser
internal import GPT
internal import GPTTensor
import Synchronization

struct LogitsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "logits",
    abstract: "Write a model's logits for given tokens.",
    discussion: """
      Every line of the ids file is a window of token ids with white space between them. For each \
      window, one after the other, the output holds its logits as little-endian float32: a row of \
      the vocabulary's size for each token. The output appears when it is whole.

      EXAMPLES:
        gpt logits --model model/ --ids-file ids.txt --output logits.bin
        gpt logits --model model/ --ids-file ids.txt --output one.bin --chunk-length 1
      """)

  @OptionGroup(title: "Model") var model: ModelArguments
  @Option(help: "File with windows of token ids.") var idsFile: String
  @Option(help: "File to write.") var output: String
  @Option(help: "How many tokens are computed at once.") var chunkLength = 128

  func validate() throws {
    if chunkLength < 1 { throw ValidationError("--chunk-length must be at least 1.") }
  }

  func run() async throws {
    let interruption = Interruption()
    let text = try Files.text(Files.readAll(path: idsFile), location: idsFile)
    let windows = try IDLines.parse((text, idsFile))
    guard !windows.isEmpty else {
      throw CommandError.invalid(location: idsFile, found: "no ids", expected: "at least one")
    }
    let model = try await model.open()
    let file = try ReplacedFile(output)
    let chunkLength = chunkLength
    do {
      try await interruption.guarding {
        for window in windows {
          try await Self.write(window, of: model, chunkLength: chunkLength, to: file)
        }
      }
    } catch LanguageModelError.cancelled {
      throw CommandError.interrupted
    }
    try file.commit()
  }

  private static func write(
    _ window: [Int32], of model: LanguageModel, chunkLength: Int, to file: ReplacedFile
  ) async throws {
    let failure = FirstFailure()
    try await model.logits(for: window, chunkLength: chunkLength) { rows in
      failure.catching { () throws(FileError) in
        try file.write(rows.map(\.bitPattern.littleEndian))
      }
    }
    if let failure = failure.error { throw failure }
  }
}

/// The first error of several attempts; later ones are not made.
final class FirstFailure: Sendable {
  private let state = Mutex<FileError?>(nil)

  var error: FileError? { state.withLock { $0 } }

  func catching(_ body: () throws(FileError) -> Void) {
    guard error == nil else { return }
    do { try body() } catch { state.withLock { $0 = error } }
  }
}
