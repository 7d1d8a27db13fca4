internal import GPTTensor

/// A file of token ids as the manifest has it.
package struct ShardFile: Sendable, Equatable {
  package var name: String
  package var tokenCount: Int
  package var sha256: String
}

/// Writes a stream of token ids into files of bounded size, little-endian.
final class ShardWriter {
  /// 128 or 256 MB a file.
  static let defaultShardTokens = 64 << 20
  private static let bufferTokens = 1 << 16

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
    for id in ids {
      if bitWidth == 16 {
        let value = UInt16(truncatingIfNeeded: id)
        buffer.append(UInt8(truncatingIfNeeded: value))
        buffer.append(UInt8(truncatingIfNeeded: value >> 8))
      } else {
        for shift in [0, 8, 16, 24] { buffer.append(UInt8(truncatingIfNeeded: id >> shift)) }
      }
      currentTokens += 1
      if currentTokens == shardTokens { try finishShard() }
    }
    tokenCount += ids.count
    if buffer.count >= Self.bufferTokens { try flush() }
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
    do { try current?.commit() } catch { throw .file(error) }
    finished.append(
      ShardFile(name: name, tokenCount: currentTokens, sha256: hash.finish().hexadecimal))
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
