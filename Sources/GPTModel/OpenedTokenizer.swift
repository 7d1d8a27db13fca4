package import GPTTokenizer
import GPTWeights

/// Opens the tokenizer alone: of a model's folder or .gguf, or a SentencePiece .model file.
package func openTokenizer(path: String) throws(ModelError) -> any Tokenizer {
  try asModelErrors(path: path, expected: "a folder, .gguf or .model file") {
    if isDirectory(path) { return try loadTokenizer(folder: path) }
    if path.hasSuffix(".model") { return try SentencePieceTokenizer(contentsOf: path) }
    return try makeTokenizer(try FoundModel.vocabulary(of: try GGUFFile(path: path)))
  }
}

/// Runs `body` and turns the errors of the modules below into ours.
func asModelErrors<Value>(path: String, expected: String, _ body: () throws -> Value)
  throws(ModelError) -> Value
{
  do { return try body() } catch let error as WeightsError {
    throw .weights(error)
  } catch let error as TokenizerError {
    throw .tokenizer(error)
  } catch let error as ModelError {
    throw error
  } catch {
    throw .notAModel(path: path, found: "is unreadable", expected: expected)
  }
}
