package import GPTTensor
package import GPTTokenizer
import GPTWeights

/// A stored model, its weights left in their files: what conversions and merges read.
///
/// Rows come on demand and as fp32 under the names that a trained model gives its parameters
/// ("blocks.0.query"), `[out, in]` and with query and key in Hugging Face's order, whatever the
/// file's own layout is.
package struct SourceModel {
  /// Changes rows `rows` of a parameter on their way into a file; the next row is `stride` floats
  /// on. Called for different rows from several threads at once.
  package typealias Adjustment = (
    _ parameter: String, _ rows: Range<Int>, _ values: UnsafeMutablePointer<Float>, _ stride: Int
  ) -> Void

  package let configuration: ModelConfiguration
  package let tokenizer: any Tokenizer
  /// The source of the model's own chat template.
  package let chatTemplate: String?
  package let name: String?
  /// Tokens that end a generation.
  package let stopTokens: [Int32]
  let origin: Origin
  private let parameters: [String: StoredParameter]

  /// Applied to every row that is read or written, of `adjustedParameters` only.
  package var adjust: Adjustment?
  /// The parameters that `adjust` changes; nil: any. The rows of others are copied byte by byte
  /// where their type stays.
  package var adjustedParameters: Set<String>?

  enum Origin {
    case folder(path: String)
    case gguf(GGUFFile)
  }

  /// Opens a Hugging Face folder or a .gguf file, and checks that every tensor is there and the
  /// tokenizer belongs to them.
  package static func open(path: String) throws(ModelError) -> SourceModel {
    if isDirectory(path) { return try openFolder(path) }
    return try asModelErrors(path: path, expected: "a model folder or a GGUF file") {
      try openGGUF(GGUFFile(path: path))
    }
  }

  private static func openFolder(_ path: String) throws(ModelError) -> SourceModel {
    let (reader, family) = try FoundModel.readConfiguration(folder: path)
    let source: any WeightSource
    do { source = try openSafetensors(folder: path) } catch { throw .weights(error) }
    let tokenizer: any Tokenizer
    let template: String?
    do throws(TokenizerError) {
      tokenizer = try loadTokenizer(folder: path)
      template = try loadChatTemplate(folder: path)?.source
    } catch { throw .tokenizer(error) }
    return try SourceModel(
      Checkpoint(
        source: source, names: family.names, configuration: try family.configuration(reader)),
      origin: .folder(path: path), tokenizer: tokenizer, chatTemplate: template,
      name: try? reader.stringValue("_name_or_path"),
      stopTokens: FoundModel.stopTokens(folder: path, reader))
  }

  private static func openGGUF(_ file: GGUFFile) throws -> SourceModel {
    let (configuration, names) = try FoundModel.describe(file)
    return try SourceModel(
      Checkpoint(source: file, names: names, configuration: configuration), origin: .gguf(file),
      tokenizer: try makeTokenizer(FoundModel.vocabulary(of: file)),
      chatTemplate: try file.string("tokenizer.chat_template"),
      name: try file.string("general.name"), stopTokens: try FoundModel.stopTokens(file))
  }

  private init(
    _ checkpoint: Checkpoint, origin: Origin, tokenizer: any Tokenizer, chatTemplate: String?,
    name: String?, stopTokens: [Int32]
  ) throws(ModelError) {
    try checkpoint.checkRows(for: tokenizer)
    configuration = checkpoint.configuration
    parameters = try StoredParameter.all(in: checkpoint)
    self.origin = origin
    self.tokenizer = tokenizer
    self.chatTemplate = chatTemplate
    self.name = name
    self.stopTokens = stopTokens
  }

  /// In no particular order.
  package var parameterNames: [String] { Array(parameters.keys) }

  /// Rows and columns of a parameter; a vector has one row. nil for a name that is not the model's.
  package func shape(of parameter: String) -> (rows: Int, columns: Int)? {
    parameters[parameter].map { ($0.rows, $0.columns) }
  }

  /// Writes rows of a parameter as fp32, adjusted, the next row `stride` floats on.
  package func read(
    _ rows: Range<Int>, of parameter: String, into destination: UnsafeMutablePointer<Float>,
    stride: Int
  ) {
    guard let stored = parameters[parameter] else {
      preconditionFailure("the model has no parameter '\(parameter)'")
    }
    stored.read(rows, into: destination, stride: stride)
    if adjusts(parameter) { adjust?(parameter, rows, destination, stride) }
  }

  func adjusts(_ parameter: String) -> Bool {
    adjust != nil && (adjustedParameters?.contains(parameter) ?? true)
  }

  func stored(_ parameter: String) -> StoredParameter {
    guard let stored = parameters[parameter] else {
      preconditionFailure("the model has no parameter '\(parameter)'")
    }
    return stored
  }

  /// Bytes of the tensors that hold the parameters.
  package var storedByteCount: Int {
    let tensors = Dictionary(parameters.values.map { ($0.stored.name, $0.stored.bytes.count) }) {
      first, _ in first
    }
    return tensors.values.reduce(0, +)
  }

  /// How the matrices are stored, the type of most numbers first.
  package var matrixTypes: [DType] {
    var counts: [DType: Int] = [:]
    for parameter in parameters.values where !parameter.isVector {
      counts[parameter.stored.dtype, default: 0] += parameter.rows * parameter.columns
    }
    return DType.allCases.filter { counts[$0] != nil }
      .sorted { (counts[$0] ?? 0) > (counts[$1] ?? 0) }
  }

  /// How most of the numbers in matrices are stored.
  package var dominantType: DType { matrixTypes.first ?? .f32 }
}
