internal import ArgumentParser
internal import GPT
internal import GPTJSON

struct MergeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Write a model with LoRA adapters in its weights.",
    discussion: """
      The output is a .gguf file when its name ends so, else a Hugging Face folder; it needs the \
      adapters no more. Without --type the numbers stay as they are stored; what was quantised \
      becomes f32 in a folder and f16 in a file, since quantising again would lose what the \
      adapters add.

      EXAMPLES:
        gpt merge --model smollm2-135m-instruct --adapter runs/polarity --output polarity.gguf
        gpt merge --model smollm2/ --adapter tone --adapter-scale 1 --adapter sql \\
          --adapter-scale 0.5 --output merged/ --type bf16
      """)

  @Option(
    help: ArgumentHelp(
      "Model folder, .gguf file, or name of a model in the cache.", valueName: "path-or-name"))
  var model: String
  @OptionGroup var adapters: AdapterArguments
  @Option(help: ArgumentHelp("Folder or .gguf file to write.", valueName: "folder-or-file.gguf"))
  var output: String
  @Option(help: "How matrices are stored (default: as they are, see above).")
  var type: StorageType?
  @Flag(help: "Replace what is there.") var force = false
  @Flag(help: "Write one JSON object.") var json = false

  func validate() throws {
    if adapters.adapter.isEmpty { throw ValidationError("Give at least one --adapter.") }
    try ModelConversion.checkType(type, output: output)
  }

  func run() async throws {
    let input = try ModelLocator.resolve(model)
    try ModelConversion.checkOutput(output, isForced: force)
    let conversion = ModelConversion(
      input: input, output: output, type: type?.dtype, adapters: adapters.references)
    let report = try await conversion.run(Interruption())
    StandardError.print("wrote \(output): \(report.summary)")
    guard json else { return }
    let members = report.members(input: input, output: output)
    let names = adapters.references.map { JSONValue.string($0.path) }
    try StandardOutput.shared.writeLine(
      JSONValue(members: members + [("adapters", .array(names))]).encoded())
  }
}
