internal import GPTTensor

/// A file of token ids as the manifest has it.
package struct ShardFile: Sendable, Equatable {
  package var name: String
  package var tokenCount: Int
  package var sha256: String
  /// Checked whenever the corpus is opened, which a cryptographic hash is too slow for; nil in
  /// manifests of early versions.
  package var xxh64: String?

  package init(name: String, tokenCount: Int, sha256: String, xxh64: String? = nil) {
    self.name = name
    self.tokenCount = tokenCount
    self.sha256 = sha256
    self.xxh64 = xxh64
  }
}

/// Writes a stream of token ids into files of bounded size, little-endian.
final class ShardWriter {
  /// 128 or 256 MB a file.
  static let defaultShardTokens = 64 << 20
  private static let bufferBytes = 1 << 16

  private let folder: String
  private let prefix: String
  private let bitWidth: Int
  private let shardTokens: Int
  private(set) var tokenCount = 0
  private var finished: [ShardFile] = []
  private var current: ReplacedFile?
  private var hash = SHA256()
  private var currentTokens = 0
  private var buffer: [UInt8] = []

  /// - Parameter prefix: "training" or "validation"
  init(folder: String, prefix: String, bitWidth: Int, shardTokens: Int = defaultShardTokens) {
    self.folder = folder
    self.prefix = prefix
    self.bitWidth = bitWidth
    self.shardTokens = shardTokens
  }

  func append(_ ids: [Int32]) throws(TrainingError) {
    var rest = ids[...]
    while !rest.isEmpty {
      let part = rest.prefix(shardTokens - currentTokens)
      rest = rest.dropFirst(part.count)
      if bitWidth == 16 {
        add(part.map { UInt16(truncatingIfNeeded: $0).littleEndian })
      } else {
        add(part.map(\.littleEndian))
      }
      currentTokens += part.count
      if currentTokens == shardTokens { try finishShard() }
    }
    tokenCount += ids.count
    if buffer.count >= Self.bufferBytes { try flush() }
  }

  private func add<Id: BitwiseCopyable>(_ ids: [Id]) {
    ids.withUnsafeBytes { buffer.append(contentsOf: $0) }
  }

  func finish() throws(TrainingError) -> [ShardFile] {
    if currentTokens > 0 { try finishShard() }
    return finished
  }

  private var name: String { ShardFile.name(prefix, finished.count) }

  private func flush() throws(TrainingError) {
    do throws(FileError) {
      if current == nil { current = try ReplacedFile("\(folder)/\(name)") }
      try current?.write(buffer)
    } catch { throw .file(error) }
    buffer.withUnsafeBytes { hash.update($0) }
    buffer.removeAll(keepingCapacity: true)
  }

  private func finishShard() throws(TrainingError) {
    try flush()
    let seal: FileSeal
    do throws(FileError) {
      try current?.commit()
      seal = try FileSeal(ofFile: "\(folder)/\(name)")
    } catch { throw .file(error) }
    finished.append(
      ShardFile(
        name: name, tokenCount: currentTokens, sha256: hash.finish().hexadecimal,
        xxh64: seal.hash))
    current = nil
    hash = SHA256()
    currentTokens = 0
  }
}

extension ShardFile {
  static func name(_ prefix: String, _ number: Int) -> String {
    let digits = String(number)
    return "\(prefix)-\(String(repeating: "0", count: max(0, 5 - digits.count)))\(digits).bin"
  }

  /// True for names that a writer gives.
  static func isName(_ name: String) -> Bool {
    CorpusSplit.Side.allCases.contains { side in
      guard name.hasPrefix("\(side.rawValue)-"), name.hasSuffix(".bin") else { return false }
      let digits = name.dropFirst(side.rawValue.count + 1).dropLast(4)
      return digits.count >= 5 && digits.allSatisfy { $0.isASCII && $0.isNumber }
    }
  }
}
