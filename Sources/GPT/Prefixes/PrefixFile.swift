import GPTTensor

/// Keys and values of the beginning of a prompt, in a file.
///
/// All numbers are little-endian:
///
///     0    magic "gptkv\r\n\0"
///     8    version, UInt32
///     12   tokens in a page, UInt32
///     16   SHA-256 of what the contents depend on: weights, adapters, form of the cache, kernels
///     48   tokens, UInt64
///     56   pages, UInt64
///     64   bytes in a page, UInt64
///     72   XXH64 of bytes 0…71 and of everything from 80 to the first page
///     80   the tokens, Int32 each; the XXH64 of each page; zeros up to a multiple of 64
///     …    the pages
///
/// A reader believes no number before it fits the length of the file.
struct PrefixFile {
  static let magic: [UInt8] = Array("gptkv\r\n\0".utf8)
  static let version: UInt32 = 2
  private static let headerBytes = 80
  private static let checksumOffset = 72

  /// Of the model, with which keys and values would be the same.
  let identity: [UInt8]
  let form: StoredForm

  /// What a file holds.
  enum Contents {
    case prefix(tokens: [Int32], pages: [AlignedBuffer])
    /// A sound file that this model cannot use.
    case foreign(String)
  }

  func write(tokens: [Int32], pages: [AlignedBuffer], to path: String) throws(FileError) {
    var head = Self.magic
    func append(_ value: some FixedWidthInteger) {
      withUnsafeBytes(of: value.littleEndian) { head += Array($0) }
    }
    append(Self.version)
    append(UInt32(form.pageTokens))
    head += identity
    for count in [tokens.count, pages.count, form.pageBytes] { append(UInt64(count)) }
    append(UInt64(0))
    for token in tokens { append(token) }
    for page in pages { append(ContentHash.digest(of: Self.bytes(of: page))) }
    head += [UInt8](repeating: 0, count: (64 - head.count % 64) % 64)
    let checksum = Self.checksum(of: head)
    withUnsafeBytes(of: checksum.littleEndian) {
      head.replaceSubrange(Self.checksumOffset..<Self.headerBytes, with: $0)
    }
    let file = try ReplacedFile(path)
    try file.write(head)
    for page in pages { try file.write(Self.bytes(of: page)) }
    try file.commit()
  }

  /// - Throws: `LanguageModelError.invalidPromptCache` for a file that is damaged or something else
  func read(_ path: String) throws(LanguageModelError) -> Contents {
    let file: MappedFile
    do { file = try MappedFile(path: path) } catch {
      throw .invalidPromptCache(error.description)
    }
    let result = Result { () throws(LanguageModelError) in
      try contents(of: file.bytes, place: path.printable(limit: 4096))
    }
    // The mapping ends with its object, which the pointers into it do not keep.
    return try withExtendedLifetime(file) { result }.get()
  }

  private func contents(
    of bytes: UnsafeRawBufferPointer, place: String
  ) throws(LanguageModelError) -> Contents {
    func damaged(_ found: String, _ expected: String) -> LanguageModelError {
      .invalidPromptCache("\(place): \(found), expected \(expected)")
    }
    guard bytes.starts(with: Self.magic) else {
      throw damaged("is no prompt cache", "a file that --prompt-cache wrote")
    }
    guard bytes.count >= Self.headerBytes else {
      throw damaged("has \(bytes.count) bytes", "at least \(Self.headerBytes)")
    }
    let version = Self.number(UInt32.self, in: bytes, at: 8)
    guard version == Self.version else { return .foreign("is of version \(version)") }
    guard let parts = PrefixFileParts(bytes, header: Self.headerBytes) else {
      throw damaged("has \(bytes.count) bytes", "as many as its header says (it is damaged)")
    }
    let stored = Self.number(UInt64.self, in: bytes, at: Self.checksumOffset)
    let head = Array(bytes[..<parts.firstPage])
    guard Self.checksum(of: head) == stored else {
      throw damaged("its header is damaged", "the XXH64 that it names")
    }
    guard head[16..<48].elementsEqual(identity) else {
      return .foreign("is of another model, adapter, precision or type of cache")
    }
    guard Self.number(UInt32.self, in: bytes, at: 12) == form.pageTokens,
      parts.pageBytes == form.pageBytes,
      parts.tokenCount
        == parts.pageCount.multipliedReportingOverflow(by: form.pageTokens)
        .partialValue
    else { throw damaged("its pages are of another form", "the model's") }
    let tokens = (0..<parts.tokenCount).map {
      Int32(bitPattern: Self.number(UInt32.self, in: bytes, at: Self.headerBytes + 4 * $0))
    }
    var pages: [AlignedBuffer] = []
    for index in 0..<parts.pageCount {
      let start = parts.firstPage + index * parts.pageBytes
      let page = UnsafeRawBufferPointer(rebasing: bytes[start..<start + parts.pageBytes])
      let hash = Self.number(
        UInt64.self, in: bytes, at: Self.headerBytes + 4 * parts.tokenCount + 8 * index)
      guard ContentHash.digest(of: page) == hash, let base = page.baseAddress else {
        throw damaged("page \(index) is damaged", "the XXH64 that its header names")
      }
      let copy = AlignedBuffer(byteCount: parts.pageBytes)
      copy.base.copyMemory(from: base, byteCount: parts.pageBytes)
      pages.append(copy)
    }
    return .prefix(tokens: tokens, pages: pages)
  }

  private static func checksum(of head: [UInt8]) -> UInt64 {
    ContentHash.digest(of: Array(head[..<checksumOffset] + head[headerBytes...]))
  }

  private static func bytes(of page: AlignedBuffer) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: page.base, count: page.byteCount)
  }

  fileprivate static func number<Number: FixedWidthInteger & BitwiseCopyable>(
    _ type: Number.Type, in bytes: UnsafeRawBufferPointer, at offset: Int
  ) -> Number {
    Number(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: type))
  }
}

/// The counts of a header, when they come to exactly the length of the file.
private struct PrefixFileParts {
  let tokenCount: Int
  let pageCount: Int
  let pageBytes: Int
  let firstPage: Int

  init?(_ bytes: UnsafeRawBufferPointer, header: Int) {
    func count(at offset: Int) -> Int? {
      Int(exactly: PrefixFile.number(UInt64.self, in: bytes, at: offset))
    }
    func product(_ left: Int, _ right: Int) -> Int? {
      let (value, overflow) = left.multipliedReportingOverflow(by: right)
      return overflow ? nil : value
    }
    func sum(_ left: Int, _ right: Int) -> Int? {
      let (value, overflow) = left.addingReportingOverflow(right)
      return overflow ? nil : value
    }
    guard let tokenCount = count(at: 48), let pageCount = count(at: 56),
      let pageBytes = count(at: 64), tokenCount > 0, pageCount > 0, pageBytes > 0,
      let tokenBytes = product(tokenCount, 4), let hashBytes = product(pageCount, 8),
      let head = sum(tokenBytes, hashBytes).flatMap({ sum($0, header) }),
      let firstPage = sum(head, (64 - head % 64) % 64),
      let whole = product(pageCount, pageBytes).flatMap({ sum($0, firstPage) }),
      whole == bytes.count
    else { return nil }
    self.tokenCount = tokenCount
    self.pageCount = pageCount
    self.pageBytes = pageBytes
    self.firstPage = firstPage
  }
}
