import CZlib
import Foundation
import GPTTensor
import GPTTraining

/// A folder for inputs and prepared corpora that disappears when the test ends.
final class CorpusFolder {
  let path: String

  init() throws {
    let url = FileManager.default.temporaryDirectory
      .appendingPathComponent("gpt-corpus-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    path = url.path
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Returns the file's path; folders are made as needed.
  @discardableResult
  func write(_ name: String, _ bytes: [UInt8]) throws -> String {
    let url = URL(fileURLWithPath: "\(path)/\(name)")
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: url)
    return url.path
  }

  @discardableResult
  func write(_ name: String, _ text: String) throws -> String {
    try write(name, Array(text.utf8))
  }

  func bytes(_ name: String) throws -> [UInt8] {
    try Array(Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)")))
  }

  func options(
    _ tokenizer: PreparationOptions.TokenizerChoice = .bytes, folder: String = "prepared"
  ) -> PreparationOptions {
    var options = PreparationOptions(folder: "\(path)/\(folder)")
    options.tokenizer = tokenizer
    return options
  }
}

extension TokenShards {
  var ids: [Int32] {
    [Int32](unsafeUninitializedCapacity: count) { buffer, filled in
      if let base = buffer.baseAddress { copy(0..<count, into: base) }
      filled = count
    }
  }

  /// The text of byte tokens, with `|` for the end of a document.
  var byteText: String {
    String(decoding: ids.map { $0 < 256 ? UInt8($0) : UInt8(ascii: "|") }, as: UTF8.self)
  }
}

/// Text that is the same every time: numbered lines of words that are drawn by a congruence.
func sampleText(lines: Int, seed: Int = 1) -> String {
  let words = ["river", "house", "garden", "the", "a", "stone", "walks", "sees", "old", "green"]
  var state = UInt64(seed)
  func word() -> String {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return words[Int(state >> 33) % words.count]
  }
  return (0..<lines).map { "\($0) " + (0..<8).map { _ in word() }.joined(separator: " ") + "\n" }
    .joined()
}

/// gzip data of one member.
func gzip(_ bytes: [UInt8]) -> [UInt8] {
  var stream = z_stream()
  deflateInit2_(
    &stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
    Int32(MemoryLayout<z_stream>.size))
  defer { deflateEnd(&stream) }
  var input = bytes
  return input.withUnsafeMutableBufferPointer { input in
    [UInt8](unsafeUninitializedCapacity: input.count + 1024) { output, count in
      stream.next_in = input.baseAddress
      stream.avail_in = UInt32(input.count)
      stream.next_out = output.baseAddress
      stream.avail_out = UInt32(output.count)
      deflate(&stream, Z_FINISH)
      count = output.count - Int(stream.avail_out)
    }
  }
}

/// What `body` throws, as text.
func errorLine(_ body: () throws -> Void) -> String {
  do {
    try body()
    return "no error"
  } catch {
    return "\(error)"
  }
}
