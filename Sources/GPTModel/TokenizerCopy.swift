import GPTTensor
import GPTTokenizer
import Glibc

/// A tokenizer's files as they were when they were read, to be written beside a model.
///
/// Kept in memory, so that a run's later models have the same tokenizer whatever happens to the
/// folder that it came from.
package struct TokenizerCopy: Sendable {
  let files: [String: [UInt8]]
  let beginningOfSequence: Int32?
  let endOfSequence: Int32?

  /// What Hugging Face tokenizers and ours consist of.
  package static let fileNames = [
    "tokenizer.model", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
    "added_tokens.json", "vocab.json", "merges.txt", "chat_template.jinja",
  ]
  /// The largest published tokenizer.json files are under 40 MB.
  static let fileLimit = 256 << 20

  /// Files that were made here.
  init(files: [String: [UInt8]], beginningOfSequence: Int32?, endOfSequence: Int32?) {
    self.files = files
    self.beginningOfSequence = beginningOfSequence
    self.endOfSequence = endOfSequence
  }

  package init(folder: String) throws(ModelError) {
    var files: [String: [UInt8]] = [:]
    for name in Self.fileNames where access("\(folder)/\(name)", F_OK) == 0 {
      do {
        files[name] = try readSmallFile(path: "\(folder)/\(name)", limit: Self.fileLimit)
      } catch { throw .file(error) }
    }
    self.files = files
    do throws(TokenizerError) {
      let tokenizer = try loadTokenizer(folder: folder)
      beginningOfSequence = tokenizer.beginningOfSequence
      endOfSequence = tokenizer.endOfSequence
    } catch { throw .tokenizer(error) }
  }
}
