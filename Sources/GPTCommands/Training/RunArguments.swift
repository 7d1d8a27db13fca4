internal import ArgumentParser
internal import GPTJSON
internal import GPTTraining
import Glibc

/// Everything that decides what a run of a command that trains does; `run.json` holds it filled in.
protocol RunArguments: ParsableArguments, Sendable {
  /// As one types it: "gpt pretrain".
  static var command: String { get }
  var training: TrainingArguments { get }
}

extension RunArguments {
  /// What may change when a run is gone on with: no weight depends on it.
  static var changeable: Set<String> {
    ["threads", "keep", "log-every", "sample-every", "save-type"]
  }

  /// The arguments that a run was started with, with the changes that `given` asks for.
  ///
  /// - Parameter location: of run.json, for messages
  static func resumed(
    _ manifest: RunManifest, given: Self, location: String
  ) throws -> Self {
    let defaults = OptionValues.of(try parse([]))
    var asked = manifest
    var options = manifest.options
    for (name, value) in OptionValues.of(given).members where value != defaults[name] {
      if changeable.contains(name) { options[name] = value } else { asked.options[name] = value }
    }
    try manifest.check(equals: asked, location: location)
    do {
      return try parse(OptionValues.arguments(options))
    } catch {
      throw TrainingError.invalid(
        location: location, found: message(for: error), expected: "options of \(command)")
    }
  }
}

/// Turns paths into absolute ones, so that a run can be gone on with from anywhere.
struct AbsolutePaths {
  private let current: String

  init() throws(CommandError) {
    guard let pointer = getcwd(nil, 0) else { throw .system(location: ".", code: errno) }
    defer { free(pointer) }
    current = String(cString: pointer)
  }

  /// - Parameter path: `-` means standard input and stays
  func callAsFunction(_ path: String) -> String {
    path.hasPrefix("/") || path == "-" ? path : "\(current)/\(path)"
  }
}
