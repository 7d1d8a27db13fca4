internal import ArgumentParser
internal import GPTJSON
internal import GPTOps
internal import GPTTraining

struct PrepareCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prepare",
    abstract: "Turn text into tokens to train on.",
    discussion: """
      Repairs UTF-8, normalises (NFC), removes control characters and documents that repeat others, \
      keeps a part for validation, trains a tokenizer and writes token files with a manifest into \
      --output. A text file is one document, a JSON line another. Text such as <|endoftext|> is \
      plain text. Nothing is done when the folder holds the result already. gpt pretrain does this \
      by itself.

      EXAMPLES:
        gpt prepare corpus.txt --output prepared/
        gpt prepare books/ articles.jsonl.gz --vocabulary-size 8192 --output prepared/
        gpt prepare corpus.txt --tokenizer characters --validation-share 0.1 --output prepared/
      """)

  @OptionGroup var corpus: CorpusArguments
  @Option(help: ArgumentHelp("Folder for the prepared corpus.", valueName: "folder"))
  var output: String
  @Option(help: "Threads that encode (default: one for each core).") var threads: Int?
  @Flag(help: "Write one JSON object.") var json = false

  func validate() throws {
    if corpus.paths.isEmpty { throw ValidationError("Give a text file or a folder.") }
    if let threads, threads < 1 { throw ValidationError("--threads must be at least 1.") }
  }

  func run() async throws {
    let options = corpus.options(
      folder: output, threads: threads ?? ComputeContext.availableThreadCount)
    let prepared = try await CorpusPreparation.run(
      corpus.paths, options: options, interruption: Interruption())
    for line in CorpusPreparation.summary(of: prepared) { StandardError.print(line) }
    StandardError.print(
      prepared.wasReused
        ? "\(output) holds this corpus already" : "wrote \(output)")
    if json { try StandardOutput.shared.writeLine(CorpusPreparation.json(of: prepared).encoded()) }
  }
}
