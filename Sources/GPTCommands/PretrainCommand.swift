internal import ArgumentParser
internal import Dispatch
internal import GPTJSON
internal import GPTTraining
import Glibc
import Synchronization

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
  @Option(
    help: ArgumentHelp("Folder of the run (default: \(Self.defaultOutput)).", valueName: "folder"))
  var output: String?
  @Option(
    help: ArgumentHelp(
      "Go on with a run or from a checkpoint, in the folder of its run unless --output names a new "
        + "one.", valueName: "folder"))
  var resume: String?
  @Flag(help: "Write one JSON object about the finished run.") var json = false

  static let defaultOutput = "gpt-run"

  func validate() throws {
    if resume != nil {
      if !arguments.corpus.paths.isEmpty {
        throw ValidationError("--resume takes the text from the run.")
      }
    } else if arguments.corpus.paths.isEmpty {
      throw ValidationError("Give a text file or a folder, or a run with --resume.")
    }
  }

  func run() async throws {
    let interruption = Interruption(signals: [SIGINT, SIGTERM])
    let source = try RunSource(command: self)
    let corpus = try await source.corpus(interruption)
    let stop = StopFlag()
    let json = json
    let summary = try await interruption.guarding {
      try await withTaskCancellationHandler {
        try await onThreadOfItsOwn {
          try PretrainRun(source, corpus, isInterrupted: { stop.isSet }).run()
        }
      } onCancel: {
        stop.set()
      }
    }
    summary.print()
    if json { try StandardOutput.shared.writeLine(summary.json.encoded()) }
    if summary.reason == .interrupted { throw CommandError.interrupted }
  }
}

/// Set by the signal handler, read between steps.
private final class StopFlag: Sendable {
  private let flag = Atomic<Bool>(false)

  var isSet: Bool { flag.load(ordering: .relaxed) }

  func set() {
    flag.store(true, ordering: .relaxed)
    StandardError.print("finishing the step and saving; once more ends at once")
  }
}

/// Runs `body` off the cooperative pool, whose few threads must not be kept busy for hours.
private func onThreadOfItsOwn<Value: Sendable>(
  _ body: @escaping @Sendable () throws -> Value
) async throws -> Value {
  try await withCheckedThrowingContinuation { continuation in
    DispatchQueue(label: "gpt.training").async {
      continuation.resume(with: Result { try body() })
    }
  }
}
