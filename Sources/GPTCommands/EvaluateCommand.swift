internal import ArgumentParser
internal import GPT
internal import GPTJSON
internal import GPTTensor

struct EvaluateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Measure how good a model is, and whether it is better than another.",
    discussion: """
      One task a run:

      --text: perplexity and bits per byte of a text. --counting transformers (the default) slides \
      a window over the text as transformers' documentation does; --counting llama.cpp counts the \
      second halves of windows side by side as llama-perplexity does.
      --choices: lines {"context", "endings": [...], "label": 0}; also ctx or query for context, \
      choices for endings, gold or answer for label. The ending with the largest log-likelihood is \
      the model's (accuracy), or the largest per character (acc_norm) or byte (acc_bytes), as \
      lm-evaluation-harness defines them.
      --cloze: lines {"context", "target"}, or {"text"} whose last word is the target: is the \
      target what greedy decoding writes, and its perplexity (LAMBADA).
      --generate: lines {"prompt" or "messages", "answer"}: does the greedy answer equal the \
      expected text, or one of a list.
      --classify: lines {"text", "prompt" or "messages", "label"}, or what gpt finetune takes: \
      {"prompt", "completion"}, {"messages"} whose last message is the label. The label with the \
      largest log-likelihood is the model's.

      Models with a chat template get prompts of --generate and --classify as a user's message. \
      Contexts that are too long lose their beginning. With --baseline another model does the same \
      task, and differences come with a paired test: McNemar's exact one for right and wrong, a \
      normal one for means.

      EXAMPLES:
        gpt evaluate --model model.gguf --text wiki.txt --counting llama.cpp --window 512
        gpt evaluate --classify test.jsonl --adapter runs/polarity --baseline smollm2-135m-instruct
        gpt evaluate --choices hellaswag.jsonl --limit 1000 --report mistakes.html
        gpt evaluate --generate gsm8k.jsonl --answer-pattern '#### (-?[0-9.,]+)' --max-tokens 400
      """)

  @OptionGroup(title: "Model") var model: ModelArguments
  @Option(
    help: ArgumentHelp("Another model to compare with.", valueName: "path-or-name"))
  var baseline: String?
  @Option(
    help: ArgumentHelp(
      "Folder of a LoRA adapter to put on the baseline; may be repeated.", valueName: "folder"))
  var baselineAdapter: [String] = []
  @OptionGroup(title: "Task") var task: EvaluationTaskArguments
  @Option(help: "Use only the first items of the file.") var limit: Int?
  @Option(help: ArgumentHelp("Write a page of the worst mistakes.", valueName: "file.html"))
  var report: String?
  @Flag(help: "Write one JSON object.") var json = false

  func validate() throws {
    if let limit, limit < 1 { throw ValidationError("--limit must be at least 1.") }
    if baseline == nil, !baselineAdapter.isEmpty {
      throw ValidationError("--baseline-adapter is for --baseline.")
    }
    if limit != nil, task.text != nil {
      throw ValidationError("--limit is for files of items, not for --text.")
    }
  }

  func run() async throws {
    let interruption = Interruption()
    let task = try task.task(limit: limit)
    let (model, baseline) = (model, baseline)
    let baselineAdapters = baselineAdapter.map { AdapterReference(path: $0) }
    do {
      let runs = try await interruption.guarding {
        var runs = [
          try await EvaluationRun.evaluate(task, adapters: model.adapters.references) {
            try await model.open()
          }
        ]
        if let baseline {
          runs.append(
            try await EvaluationRun.evaluate(task, adapters: baselineAdapters) {
              try await model.computing.open(baseline, adapters: baselineAdapters)
            })
        }
        return runs
      }
      try show(EvaluationReport(task: task, run: runs[0], baseline: runs.dropFirst().first))
    } catch LanguageModelError.cancelled {
      throw CommandError.interrupted
    }
  }

  private func show(_ evaluation: EvaluationReport) throws {
    if json {
      try StandardOutput.shared.writeLine(evaluation.json.encoded())
    } else {
      for line in evaluation.lines { try StandardOutput.shared.writeLine(Escaping.line(line)) }
    }
    guard let report else { return }
    do {
      try ReplacedFile.write(Array(evaluation.page.utf8), to: report)
    } catch { throw CommandError.file(error) }
    StandardError.print("wrote \(report)")
  }
}
