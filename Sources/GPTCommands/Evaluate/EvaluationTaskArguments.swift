internal import ArgumentParser
internal import GPT

/// What is measured.
struct EvaluationTaskArguments: ParsableArguments {
  enum Counting: String, ExpressibleByArgument, CaseIterable {
    case transformers
    case llamaCpp = "llama.cpp"
  }

  @Option(help: ArgumentHelp("Text to predict.", valueName: "file")) var text: String?
  @Option(help: ArgumentHelp("Contexts with endings to choose from.", valueName: "file.jsonl"))
  var choices: String?
  @Option(help: ArgumentHelp("Contexts with what follows them.", valueName: "file.jsonl"))
  var cloze: String?
  @Option(help: ArgumentHelp("Prompts with the expected answers.", valueName: "file.jsonl"))
  var generate: String?
  @Option(help: ArgumentHelp("Texts with their labels.", valueName: "file.jsonl"))
  var classify: String?

  @Option(help: "How --text counts tokens.")
  var counting = Counting.transformers
  @Option(help: "Tokens of a window of --text (default: 1024, with llama.cpp's counting 512).")
  var window: Int?
  @Option(help: "Tokens between the starts of two windows (default: half a window).")
  var stride: Int?
  @Option(
    help: """
      Most tokens of --text that are computed at once (default: as many as are fast); with 1 to 8 \
      they are computed as decoding does.
      """)
  var chunkLength: Int?

  @Option(
    help: """
      Text between a context and what follows, where neither has white space (default: a space; \
      nothing before a completion or a chat model's answer).
      """)
  var delimiter: String?

  @Option(help: "Text with {text} in it, to ask for the label of --classify's texts.")
  var prompt: String?
  @Option(
    help: ArgumentHelp(
      "Labels of --classify (default: those of the file).", valueName: "label,label…"),
    transform: { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) })
  var labels: [String]?
  @Flag(help: "Divide the log-likelihood of a label by its bytes.") var lengthNormalised = false

  @Option(
    help: ArgumentHelp(
      "Regular expression that finds the answer in what --generate writes: its first group.",
      valueName: "regex"))
  var answerPattern: String?
  @Flag(help: "Do not tell capital letters from small ones in answers.") var ignoreCase = false
  @Option(help: "Most tokens of an answer.") var maxTokens = 256
  @Option(help: "Text that ends an answer; may be repeated.") var stop: [String] = []
  @Flag(help: "Give prompts as they are, without the model's chat template.")
  var noTemplate = false

  func validate() throws {
    let count = [text, choices, cloze, generate, classify].count { $0 != nil }
    guard count == 1 else {
      throw ValidationError("Give one of --text, --choices, --cloze, --generate and --classify.")
    }
    if let window, window < 2 { throw ValidationError("--window must be at least 2.") }
    if let stride, stride < 1 { throw ValidationError("--stride must be at least 1.") }
    if let chunkLength, chunkLength < 1 {
      throw ValidationError("--chunk-length must be at least 1.")
    }
    if stride != nil, counting == .llamaCpp {
      throw ValidationError("--stride is for --counting transformers.")
    }
    if maxTokens < 1 { throw ValidationError("--max-tokens must be at least 1.") }
    if stop.contains("") { throw ValidationError("--stop must not be empty.") }
    if let prompt, !prompt.contains("{text}") {
      throw ValidationError("--prompt must have {text} in it.")
    }
    if let labels, labels.contains("") || Set(labels).count != labels.count {
      throw ValidationError("--labels must be different and not empty.")
    }
    try requireTask()
  }

  /// Options that the task would not look at are mistakes.
  private func requireTask() throws {
    let owned: [(String, Bool, [String?])] = [
      ("window", window != nil, [text]), ("stride", stride != nil, [text]),
      ("chunk-length", chunkLength != nil, [text]),
      ("delimiter", delimiter != nil, [choices, cloze, classify]),
      ("prompt", prompt != nil, [classify]), ("labels", labels != nil, [classify]),
      ("length-normalised", lengthNormalised, [classify]),
      ("answer-pattern", answerPattern != nil, [generate]),
      ("ignore-case", ignoreCase, [generate]), ("stop", !stop.isEmpty, [generate]),
      ("no-template", noTemplate, [generate, classify]),
    ]
    for (name, isGiven, tasks) in owned where isGiven && tasks.allSatisfy({ $0 == nil }) {
      throw ValidationError("--\(name) is not for this task.")
    }
  }

  /// Reads the task's file.
  func task(limit: Int?) throws -> any EvaluationTask {
    if let text {
      var options = PerplexityOptions()
      options.counting = counting == .llamaCpp ? .llamaCpp : .transformers
      options.windowLength = window
      options.stride = stride
      options.chunkLength = chunkLength
      return try TextTask(file: text, options: options)
    }
    if let choices { return try ChoicesTask(file: choices, delimiter: delimiter, limit: limit) }
    if let cloze { return try ClozeTask(file: cloze, delimiter: delimiter, limit: limit) }
    if let generate {
      return try GenerateTask(file: generate, options: generateOptions, limit: limit)
    }
    return try ClassifyTask(file: classify ?? "", options: classifyOptions, limit: limit)
  }

  private var generateOptions: GenerateTask.Options {
    var options = GenerateTask.Options()
    options.answerPattern = answerPattern
    options.ignoresCase = ignoreCase
    options.usesTemplate = !noTemplate
    options.maximumTokens = maxTokens
    options.stopStrings = stop
    return options
  }

  private var classifyOptions: ClassifyTask.Options {
    var options = ClassifyTask.Options()
    options.prompt = prompt
    options.labels = labels
    options.delimiter = delimiter
    options.isNormalised = lengthNormalised
    options.usesTemplate = !noTemplate
    return options
  }
}
