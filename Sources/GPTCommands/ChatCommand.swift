internal import ArgumentParser

struct ChatCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "chat")
}
