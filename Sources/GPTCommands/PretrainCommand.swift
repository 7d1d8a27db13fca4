internal import ArgumentParser
internal import GPTTraining
import Glibc

struct PretrainCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pretrain",
    abstract: "Train a model from raw text.",
    discussion: """
      Prepares the text (see gpt prepare), trains, and leaves a model folder that gpt generate and \
      Hugging Face transformers open. What no option says is chosen by the size of the corpus. \
      The folder also gets metrics.jsonl, samples.jsonl, report.html (rewritten as it runs) and \
      checkpoints. Ctrl-C finishes the step and saves; --resume goes on as if the run had never \
      stopped, with the options it was started with (--threads, --keep, --save-type, --log-every \
      and --sample-every may change).

      EXAMPLES:
        gpt pretrain corpus.txt
        gpt pretrain books/ --size mini --budget 2h --output novels/
        gpt pretrain shakespeare.txt --tokenizer characters --architecture gpt2 --blocks 4 \
      --heads 4 --width 128 --context-length 64 --batch-size 12 --steps 2000 --dropout 0
        gpt pretrain --resume gpt-run/
        gpt generate --model gpt-run/ --prompt "Once upon a time"
      """)

  @OptionGroup var arguments: PretrainArguments
  @OptionGroup var options: RunOptions

  func validate() throws {
    if options.resume != nil {
      if !arguments.corpus.paths.isEmpty {
        throw ValidationError("--resume takes the text from the run.")
      }
    } else if arguments.corpus.paths.isEmpty {
      throw ValidationError("Give a text file or a folder, or a run with --resume.")
    }
  }

  func run() async throws {
    let interruption = Interruption(signals: [SIGINT, SIGTERM])
    let source = try RunSource(try arguments.withAbsolutePaths(), options)
    let folder = try source.openFolder(allowing: [PretrainCorpus.folderName])
    let corpus = try await PretrainCorpus(
      arguments: source.arguments, folder: folder.path, isResumed: source.earlier != nil
    ).open(interruption)
    let summary = try await InterruptibleTraining.run(interruption) { isInterrupted in
      try PretrainRun(source, folder, corpus, isInterrupted: isInterrupted).run()
    }
    try summary.report(json: options.json)
  }
}
