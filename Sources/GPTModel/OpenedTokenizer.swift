package import GPTTokenizer
import GPTWeights

/// Opens the tokenizer alone: of a model's folder or .gguf, or a SentencePiece .model file.
package func openTokenizer(path: String) throws(ModelError) -> any Tokenizer {
  do {
    if isDirectory(path) { return try loadTokenizer(folder: path) }
    if path.hasSuffix(".model") { return try SentencePieceTokenizer(contentsOf: path) }
    return try makeTokenizer(try OpenedModel.vocabulary(of: try GGUFFile(path: path)))
  } catch let error as WeightsError {
    throw .weights(error)
  } catch let error as TokenizerError {
    throw .tokenizer(error)
  } catch let error as ModelError {
    throw error
  } catch {
    throw .notAModel(path: path, found: "is unreadable", expected: "a folder, .gguf or .model file")
  }
}
