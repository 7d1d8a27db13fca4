internal import ArgumentParser
internal import GPT
internal import GPTJSON

struct ConvertCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Write a model as a Hugging Face folder or a .gguf file.",
    discussion: """
      The output is a .gguf file when its name ends so, else a folder (config.json, \
      model.safetensors, tokenizer). Both hold configuration, tokenizer and chat template, so that \
      llama.cpp or transformers open them. Without --type the numbers stay as they are stored; a \
      folder made of quantised weights gets f32. A folder takes f32, f16 and bf16.

      EXAMPLES:
        gpt convert --model smollm2-135m-instruct --output smollm2/
        gpt convert --model smollm2/ --output smollm2.gguf
        gpt convert --model runs/austen --output austen.gguf --type bf16
      """)

  @Option(
    help: ArgumentHelp(
      "Model folder, .gguf file, or name of a model in the cache.", valueName: "path-or-name"))
  var model: String
  @Option(
    help: ArgumentHelp("Folder or .gguf file to write.", valueName: "folder-or-file.gguf"))
  var output: String
  @Option(help: "How matrices are stored (default: as they are).") var type: StorageType?
  @Flag(help: "Replace what is there.") var force = false
  @Flag(help: "Write one JSON object.") var json = false

  func validate() throws { try ModelConversion.checkType(type, output: output) }

  func run() async throws {
    let input = try ModelLocator.resolve(model)
    try ModelConversion.checkOutput(output, isForced: force)
    let conversion = ModelConversion(input: input, output: output, type: type?.dtype)
    let report = try await conversion.run(Interruption())
    StandardError.print("wrote \(output): \(report.summary)")
    guard json else { return }
    let members = report.members(input: input, output: output)
    try StandardOutput.shared.writeLine(JSONValue(members: members).encoded())
  }
}
