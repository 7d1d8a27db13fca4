internal import ArgumentParser

struct LogitsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "logits")
}
