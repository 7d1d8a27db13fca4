internal import GPTTensor
import Glibc

/// The bytes of one input in blocks, unpacked when they are gzip's, with a digest of the file.
final class InputReader {
  private static let blockBytes = 1 << 18

  /// How long Ctrl-C may wait for somebody to type.
  private static let pollMilliseconds: Int32 = 100

  private let file: CorpusFile
  private let shouldStop: () -> Bool
  private let descriptor: Int32
  private var hash = SHA256()
  private var gunzip: Gunzip?
  private var isAtStart = true
  private var peeked: [UInt8]?
  /// Bytes of the file so far, packed.
  private(set) var byteCount = 0

  /// - Parameter shouldStop: asked while standard input gives nothing; true makes `next` throw
  ///   `.interrupted`
  init(
    _ file: CorpusFile, shouldStop: @escaping () -> Bool = { false }
  ) throws(TrainingError) {
    self.file = file
    self.shouldStop = shouldStop
    if file.isStandardInput {
      descriptor = STDIN_FILENO
    } else {
      do { descriptor = try openRegular(path: file.path).number } catch { throw .file(error) }
    }
  }

  deinit { if !file.isStandardInput { close(descriptor) } }

  /// The digest of the file, once `next` has returned nil.
  func digest() -> SHA256.Digest { hash.finish() }

  /// The block that `next` will return.
  func peek() throws(TrainingError) -> [UInt8]? {
    if peeked == nil { peeked = try next() }
    return peeked
  }

  /// The next block, nil at the end of the file.
  func next() throws(TrainingError) -> [UInt8]? {
    if let block = peeked {
      peeked = nil
      return block
    }
    while true {
      if let gunzip, let block = try gunzip.next() { return block }
      let raw = try read()
      guard !raw.isEmpty else {
        if let gunzip { try gunzip.checkEnd() }
        return nil
      }
      if isAtStart {
        isAtStart = false
        if raw.starts(with: Gunzip.magic) { gunzip = try Gunzip(location: file.name) }
      }
      guard let gunzip else { return raw }
      gunzip.feed(raw)
    }
  }

  /// Reads a block for its digest only; false at the end of the file.
  func skim() throws(TrainingError) -> Bool { try !read().isEmpty }

  /// A whole block unless the file ends.
  private func read() throws(TrainingError) -> [UInt8] {
    var failure: Int32 = 0
    var isStopped = false
    let block = [UInt8](unsafeUninitializedCapacity: Self.blockBytes) { buffer, count in
      while count < buffer.count {
        guard waitForInput() else {
          isStopped = true
          return
        }
        let received = Glibc.read(
          descriptor, buffer.baseAddress.map { $0 + count }, buffer.count - count)
        if received < 0, errno == EINTR { continue }
        if received < 0 { failure = errno }
        guard received > 0 else { return }
        count += received
      }
    }
    guard !isStopped else { throw .interrupted }
    guard failure == 0 else {
      throw .file(.system(path: file.name, operation: "read it", code: failure))
    }
    byteCount += block.count
    block.withUnsafeBytes { hash.update($0) }
    return block
  }

  /// False when the user wants to stop before there is anything to read.
  private func waitForInput() -> Bool {
    guard file.isStandardInput else { return true }
    var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    while !shouldStop() {
      // An error shows itself in reading.
      if poll(&request, 1, Self.pollMilliseconds) != 0, request.revents != 0 { return true }
    }
    return false
  }
}
