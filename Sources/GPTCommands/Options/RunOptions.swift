internal import ArgumentParser

/// Where a run lies and what is told of it; not part of what it does.
struct RunOptions: ParsableArguments {
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
}
