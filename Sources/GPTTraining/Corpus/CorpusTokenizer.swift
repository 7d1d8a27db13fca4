internal import GPTJSON
internal import GPTTensor
internal import GPTTokenizer
import Glibc

/// The tokenizer of a prepared corpus and the files that say what it is.
struct CorpusTokenizer {
  let tokenizer: any Tokenizer
  let fileNames: [String]
  /// Stands between documents.
  var endOfDocument: Int32? { tokenizer.endOfSequence }

  /// Names that a model folder may have, besides weights and configuration.
  private static let knownNames = [
    "tokenizer.model", "tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt",
    "special_tokens_map.json", "added_tokens.json", "chat_template.jinja",
  ]
  /// The largest published tokenizer files are under 40 MB.
  private static let fileBytes = 256 << 20

  /// The files of a tokenizer that is there and works.
  static func files(of path: String) throws(TrainingError) -> [TokenizerFiles.File] {
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw .file(.system(path: path, operation: "open it", code: errno))
    }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      guard path.hasSuffix(".model") else {
        throw .invalid(
          location: path, found: "a file that is no SentencePiece .model",
          expected: "a tokenizer's folder, a .model file, 'bytes' or 'characters'")
      }
      let bytes = try contents(path)
      do { _ = try SentencePieceTokenizer(modelBytes: bytes, location: path) } catch {
        throw .tokenizer(error)
      }
      return [("tokenizer.model", bytes)]
    }
    do { _ = try loadTokenizer(folder: path) } catch { throw .tokenizer(error) }
    var files: [TokenizerFiles.File] = []
    for name in knownNames where access("\(path)/\(name)", F_OK) == 0 {
      files.append((name, try contents("\(path)/\(name)")))
    }
    return files
  }

  private static func contents(_ path: String) throws(TrainingError) -> [UInt8] {
    do { return try readSmallFile(path: path, limit: fileBytes) } catch { throw .file(error) }
  }

  /// Writes `files` into `folder` and opens them there.
  init(_ files: [TokenizerFiles.File], in folder: String) throws(TrainingError) {
    for name in Self.knownNames { unlink("\(folder)/\(name)") }
    for (name, contents) in files {
      do {
        try ReplacedFile.write(contents, to: "\(folder)/\(name)")
      } catch { throw .file(error) }
    }
    fileNames = files.map(\.name)
    do { tokenizer = try loadTokenizer(folder: folder) } catch { throw .tokenizer(error) }
  }

  /// - Parameter hasDocuments: false when there is nothing to put between
  func checkEnd(forDocuments hasDocuments: Bool) throws(TrainingError) {
    guard hasDocuments, endOfDocument == nil else { return }
    throw .invalid(
      location: "tokenizer", found: "no end-of-sequence token",
      expected: "one, to stand between documents")
  }
}
