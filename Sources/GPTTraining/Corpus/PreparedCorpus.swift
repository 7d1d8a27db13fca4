internal import GPTTensor

/// A corpus as token shards, ready to train on.
package struct PreparedCorpus: Sendable {
  package let folder: String
  /// Holds tokenizer.model, tokenizer.json and the like: what a model folder needs.
  package let tokenizerFolder: String
  package let vocabularySize: Int
  /// Stands between documents; nil when the tokenizer has no such token.
  package let endOfDocument: Int32?
  package let training: TokenShards
  package let validation: TokenShards
  /// SHA-256 of manifest.json, as hexadecimal digits.
  package let manifestHash: String
  /// SHA-256s of the tokenizer's files by name.
  package let tokenizerHashes: [String: String]
  /// Bytes of UTF-8 text behind the tokens, for bits per byte.
  package let trainingBytes: Int
  package let validationBytes: Int
  package let counts: CorpusCounts
  /// True when nothing had to be done.
  package var wasReused = false

  package var trainingTokens: Int { training.count }
  package var validationTokens: Int { validation.count }
}

/// Whether `folder` has a manifest that `prepareCorpus` wrote, of whatever version; other programs
/// call files so too.
package func isPreparedCorpus(folder: String) throws(TrainingError) -> Bool {
  try CorpusManifest.isPresent(in: folder)
}

/// Opens what `prepareCorpus` has put into `folder`.
///
/// Checked here: the manifest, the tokenizer's digests, the shards' sizes and contents and every
/// token id.
package func openPreparedCorpus(folder: String) throws(TrainingError) -> PreparedCorpus {
  let (manifest, digest) = try CorpusManifest.read(folder: folder)
  var hashes: [String: String] = [:]
  for file in manifest.tokenizer {
    let path = "\(folder)/\(file.name)"
    let contents: [UInt8]
    do { contents = try readSmallFile(path: path, limit: 256 << 20) } catch { throw .file(error) }
    guard SHA256.digest(of: contents).hexadecimal == file.sha256 else {
      throw .invalid(
        location: path, found: "another file than the corpus was encoded with",
        expected: "the digest in manifest.json")
    }
    hashes[file.name] = file.sha256
  }
  func shards(_ side: CorpusManifest.Side) throws(TrainingError) -> TokenShards {
    try TokenShards(
      folder: folder, files: side.shards, bitWidth: manifest.bitWidth,
      vocabularySize: manifest.vocabularySize)
  }
  return PreparedCorpus(
    folder: folder, tokenizerFolder: folder, vocabularySize: manifest.vocabularySize,
    endOfDocument: manifest.endOfDocument, training: try shards(manifest.training),
    validation: try shards(manifest.validation), manifestHash: digest.hexadecimal,
    tokenizerHashes: hashes, trainingBytes: manifest.training.textBytes,
    validationBytes: manifest.validation.textBytes, counts: manifest.counts)
}
