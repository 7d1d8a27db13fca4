import GPTTensor
import Glibc
import Testing

@Suite struct MappedFileTests {
  private let folder = ScratchFolder()

  @Test func mapsTheWholeFile() throws {
    let contents = (0..<10_000).map { UInt8(truncatingIfNeeded: $0) }
    let file = try MappedFile(path: folder.write("data.bin", contents))
    #expect(Array(file.bytes) == contents)
    #expect(file.name == "data.bin")
  }

  @Test func releasedPagesReadTheSameAgain() throws {
    let contents = (0..<50_000).map { UInt8(truncatingIfNeeded: $0 * 7) }
    let file = try MappedFile(path: folder.write("data.bin", contents))
    file.adviseSequential()
    #expect(Array(file.bytes) == contents)
    file.release(1..<49_999)
    file.release(UnsafeRawBufferPointer(rebasing: file.bytes[100...]))
    file.release(-5..<1_000_000)
    file.release(3..<4)
    #expect(Array(file.bytes) == contents)
  }

  @Test func releaseLeavesNeighbouringPagesResident() throws {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let file = try MappedFile(
      path: folder.write("data.bin", [UInt8](repeating: 1, count: 4 * page)))
    #expect(file.bytes.reduce(0) { $0 + Int($1) } == 4 * page)
    file.release(page - 1..<3 * page + 1)
    #expect(try residentPages(file, page) == [true, false, false, true])
  }

  @Test func copiedPartsLeaveTheirPagesAlone() throws {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let contents = (0..<4 * page).map { UInt8(truncatingIfNeeded: $0 * 7) }
    let file = try MappedFile(path: folder.write("data.bin", contents))
    for range in [0..<0, 0..<1, page - 3..<page + 5, 0..<4 * page, 4 * page - 1..<4 * page] {
      var copy = [UInt8](repeating: 1, count: range.count)
      copy.withUnsafeMutableBytes { target in
        guard let base = target.baseAddress else { return }
        file.copy(UnsafeRawBufferPointer(rebasing: file.bytes[range]), to: base)
      }
      #expect(copy == Array(contents[range]))
    }
    #expect(try residentPages(file, page) == [false, false, false, false])
  }

  @Test func anEmptyFileIsRefused() throws {
    let path = folder.write("empty", [])
    #expect(throws: FileError.empty(path: path)) { try MappedFile(path: path) }
    #expect("\(FileError.empty(path: "a/empty"))" == "a/empty: is empty")
    #expect(try readSmallFile(path: path, limit: 0) == [])
  }

  @Test func aDirectoryIsRefused() {
    #expect(
      message(folder.path) == "\(folder.path): is a directory, expected a regular file")
  }

  @Test(.timeLimit(.minutes(1)))
  func aFIFONobodyWritesToIsRefusedAtOnce() {
    let path = folder.adopt("fifo")
    #expect(mkfifo(path, 0o600) == 0)
    #expect(message(path) == "\(path): is a FIFO, expected a regular file")
  }

  @Test(arguments: ["/dev/zero", "/dev/null"])
  func aDeviceIsRefused(path: String) {
    #expect(message(path) == "\(path): is a device, expected a regular file")
  }

  @Test func aMissingFileIsNamed() {
    let path = folder.path + "/none"
    #expect(message(path) == "\(path): cannot open it: No such file or directory")
  }

  @Test func aPathIsPrintedWithoutControlCharacters() {
    #expect(message("\u{1b}[2J\n") == "\\u{1b}[2J\\u{a}: cannot open it: No such file or directory")
    #expect(message("a\0b") == "a\\u{0}b: the path contains a NUL, expected none")
  }

  @Test func aFileBeyondTheLimitIsNotRead() {
    let path = folder.write("large", [1, 2, 3])
    #expect(throws: FileError.tooLarge(path: path, bytes: 3, limit: 2)) {
      try readSmallFile(path: path, limit: 2)
    }
    #expect(
      "\(FileError.tooLarge(path: "large", bytes: 3, limit: 2))"
        == "large: has 3 bytes, expected at most 2")
    #expect(throws: Never.self) { try readSmallFile(path: path, limit: 3) }
  }

  @Test(arguments: [
    ("plain é 模型 🎉", "plain é 模型 🎉"), ("a\tb\r\n", "a\\u{9}b\\u{d}\\u{a}"),
    ("\u{202e}x\u{2028}\u{9b}", "\\u{202e}x\\u{2028}\\u{9b}"),
    (String(repeating: "w", count: 81), String(repeating: "w", count: 80) + "…"),
  ])
  func printableTextIsOneSafeLine(text: String, expected: String) {
    #expect(text.printable() == expected)
  }

  private func message(_ path: String) -> String {
    do throws(FileError) {
      _ = try MappedFile(path: path)
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  /// Which pages the process has in its page table (bit 63 of `/proc/self/pagemap`).
  private func residentPages(_ file: MappedFile, _ page: Int) throws -> [Bool] {
    let descriptor = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    let first = UInt(bitPattern: file.bytes.baseAddress) / UInt(page)
    var entries = [UInt64](repeating: 0, count: file.bytes.count / page)
    let length = entries.count * 8
    try #require(pread(descriptor, &entries, length, Int(first) * 8) == length)
    return entries.map { $0 >> 63 == 1 }
  }
}

/// A folder that disappears with the test.
private final class ScratchFolder {
  let path: String
  private var names: [String] = []

  init() {
    var template = Array("/tmp/gpt-tests-XXXXXX\0".utf8)
    path = template.withUnsafeMutableBytes { buffer in
      guard let start = buffer.bindMemory(to: CChar.self).baseAddress, let made = mkdtemp(start)
      else { return "" }
      return String(cString: made)
    }
    precondition(!path.isEmpty, "mkdtemp: errno \(errno)")
  }

  deinit {
    for name in names { unlink(path + "/" + name) }
    rmdir(path)
  }

  func adopt(_ name: String) -> String {
    names.append(name)
    return path + "/" + name
  }

  func write(_ name: String, _ bytes: [UInt8]) -> String {
    let file = adopt(name)
    let descriptor = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    defer { close(descriptor) }
    let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    precondition(written == bytes.count, "write of \(file): errno \(errno)")
    return file
  }
}
