internal import ArgumentParser
internal import GPTTraining
import Glibc

struct FinetuneCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "finetune",
    abstract: "Teach a model from examples.",
    discussion: """
      Reads the examples, shows what they come to, and trains: by default a LoRA adapter over the \
      model as it is, quantised or not, in PEFT's layout; with --method full or last-N-blocks a \
      model folder. The validation loss is measured before the first step and along the way, and \
      the best state is what is kept. The folder also gets metrics.jsonl, samples.jsonl, \
      report.html and checkpoints. Ctrl-C finishes the step and saves; --resume goes on as if the \
      run had never stopped, with the options it was started with (--threads, --keep, --save-type, \
      --log-every and --sample-every may change).

      EXAMPLES:
        gpt finetune --data reviews.jsonl --output reviews/
        gpt generate --adapter reviews/ --prompt "A film for"
        gpt finetune --model gpt2/ --data notes.txt --method last-2-blocks --epochs 1
        gpt finetune --method dpo --data preferences.jsonl --budget 20m
        gpt finetune --model small/ --teacher large/ --method full --data prompts.jsonl
        gpt finetune --resume reviews/
      """)

  @OptionGroup var arguments: FinetuneArguments
  @OptionGroup var options: RunOptions

  func validate() throws {
    if arguments.epochs != nil, arguments.training.steps != nil {
      throw ValidationError("Give one of --epochs, --steps and --budget.")
    }
    if arguments.training.saveType != nil, (arguments.method ?? .lora).trainsAdapter,
      options.resume == nil
    {
      throw ValidationError("--save-type is for --method full and last-N-blocks.")
    }
    guard options.resume == nil, arguments.data.data == nil else { return }
    throw ValidationError("Give examples with --data, or a run with --resume.")
  }

  func run() async throws {
    let interruption = Interruption(signals: [SIGINT, SIGTERM])
    let source = try RunSource(
      try arguments.withAbsolutePaths(choosesModel: options.resume == nil), options)
    let summary = try await InterruptibleTraining.run(interruption) { isInterrupted in
      try FinetuneRun(source: source, isInterrupted: isInterrupted).run()
    }
    try summary.report(json: options.json)
  }
}
