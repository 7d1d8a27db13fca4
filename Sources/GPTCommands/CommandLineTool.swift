internal import ArgumentParser
internal import GPT
internal import GPTModel
internal import GPTTensor
internal import GPTTraining
import Glibc

/// The program `gpt`.
public enum CommandLineTool {
  /// Of the program; a run's manifest names it.
  static let version = "0.1.0"

  /// Parses the arguments, runs the subcommand and ends the process with its exit code.
  ///
  /// Exit codes: 0; 1 for errors (one line on standard error); 64 for wrong usage; 130 after Ctrl-C.
  public static func main() async {
    // A reader that goes away is told by the failure of the write.
    signal(SIGPIPE, SIG_IGN)
    do {
      try Arguments.requireUTF8()
      var command = try RootCommand.parseAsRoot()
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
      try StandardOutput.shared.flush()
    } catch {
      end(with: error)
    }
  }

  /// The exit code with which arguments, the program's name left out, are turned away; 0: they are
  /// well formed.
  package static func exitCode(parsing arguments: [String]) -> Int32 {
    do {
      _ = try RootCommand.parseAsRoot(arguments)
      return 0
    } catch { return RootCommand.exitCode(for: error).rawValue }
  }

  private static func end(with error: any Error) -> Never {
    try? StandardOutput.shared.flush()
    switch error {
    case let error as LanguageModelError: fail(error.description)
    case TrainingError.interrupted, CommandError.interrupted: exit(130)
    case CommandError.outputClosed: exit(1)
    case let error as TrainingError: fail(error.description)
    case let error as ModelError: fail(error.description)
    case let error as FileError: fail(error.description)
    case let error as CommandError: fail(error.description)
    default: RootCommand.exit(withError: error)
    }
  }

  private static func fail(_ message: String) -> Never {
    StandardError.print("gpt: \(message)")
    exit(1)
  }
}

struct RootCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gpt",
    abstract: "Run language models on the CPU.",
    discussion: """
      A model is a folder (config.json, *.safetensors, tokenizer), a .gguf file, or the name of one \
      in the cache. Data goes to standard output, everything else to standard error.

      EXAMPLES:
        gpt generate --prompt "The capital of France is"
        gpt chat --model smollm2-135m-instruct
        gpt info model.gguf
      """,
    subcommands: [
      GenerateCommand.self, ChatCommand.self, TokenizeCommand.self, DetokenizeCommand.self,
      InfoCommand.self, PrepareCommand.self, PretrainCommand.self, FinetuneCommand.self,
      EvaluateCommand.self,
      BenchCommand.self, LogitsCommand.self, ConvertCommand.self, QuantizeCommand.self,
      MergeCommand.self,
    ])
}
