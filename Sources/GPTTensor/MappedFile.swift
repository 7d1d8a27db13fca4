import Glibc
import Synchronization

/// A regular file mapped read-only into memory.
///
/// The length is the one `fstat` reported at opening, and readers check every offset against it.
/// What remains: when another process truncates the file while it is mapped, touching the lost
/// pages raises SIGBUS. Replace model files by renaming a new one over them, never by rewriting.
package final class MappedFile: @unchecked Sendable {
  // @unchecked: the pointer is set once and the pages behind it are never written.
  package let path: String
  package let bytes: UnsafeRawBufferPointer
  private let descriptor: Int32
  private let isPinned = Atomic<Bool>(false)

  package init(path: String) throws(FileError) {
    let file = try openRegular(path: path)
    do throws(FileError) {
      guard file.size > 0 else { throw .empty(path: path) }
      let address = mmap(nil, file.size, PROT_READ, MAP_PRIVATE, file.number, 0)
      guard let address, address != MAP_FAILED else {
        throw .system(path: path, operation: "map it into memory", code: errno)
      }
      self.path = path
      bytes = UnsafeRawBufferPointer(start: address, count: file.size)
      descriptor = file.number
    } catch {
      close(file.number)
      throw error
    }
  }

  deinit {
    munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count)
    close(descriptor)
  }

  /// The last component of the path, for messages.
  package var name: String {
    path.split(separator: "/", omittingEmptySubsequences: true).last.map(String.init) ?? path
  }

  /// Tells the kernel to read ahead and to drop pages behind.
  package func adviseSequential() {
    madvise(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count, MADV_SEQUENTIAL)
  }

  /// Has `release` do nothing from now on: other memory may take the place of pages of the mapping, and
  /// what is handed back of that is lost.
  package func pin() { isPinned.store(true, ordering: .relaxed) }

  /// Hands back the memory of the whole pages inside `range`; a later access reads them again.
  package func release(_ range: Range<Int>) {
    guard let base = bytes.baseAddress, !isPinned.load(ordering: .relaxed) else { return }
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let clamped = range.clamped(to: 0..<bytes.count)
    let start = (clamped.lowerBound + page - 1) / page * page
    // The mapping's last page belongs to it whole, though the file ends inside it.
    let end = clamped.upperBound == bytes.count ? bytes.count : clamped.upperBound / page * page
    guard start < end else { return }
    madvise(UnsafeMutableRawPointer(mutating: base + start), end - start, MADV_DONTNEED)
  }

  /// Copies `part`, a part of `bytes`, without making its pages resident: what lies scattered would
  /// cost more than its own size, because the kernel maps sixteen pages around each that is touched.
  package func copy(_ part: UnsafeRawBufferPointer, to target: UnsafeMutableRawPointer) {
    guard let base = bytes.baseAddress, let start = part.baseAddress else { return }
    let offset = start - base
    precondition(
      offset >= 0 && part.count <= bytes.count - offset, "a part that is not of the file")
    var done = 0
    while done < part.count {
      let count = pread(descriptor, target + done, part.count - done, off_t(offset + done))
      if count < 0 && errno == EINTR { continue }
      // What the system does not read it reports as it does for every mapped page.
      guard count > 0 else {
        return (target + done).copyMemory(from: start + done, byteCount: part.count - done)
      }
      done += count
    }
  }

  /// Asks for the pages of `buffer`, a part of `bytes`, to be read, and does not wait.
  package func prefetch(_ buffer: UnsafeRawBufferPointer) {
    guard let base = bytes.baseAddress, let start = buffer.baseAddress else { return }
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let first = (start - base) / page * page
    let end = min(bytes.count, start - base + buffer.count)
    guard first >= 0, first < end else { return }
    madvise(UnsafeMutableRawPointer(mutating: base + first), end - first, MADV_WILLNEED)
  }

  /// Hands back the whole pages inside `buffer`, a part of `bytes`.
  package func release(_ buffer: UnsafeRawBufferPointer) {
    guard let base = bytes.baseAddress, let start = buffer.baseAddress else { return }
    let offset = start - base
    guard offset >= 0, offset <= bytes.count else { return }
    release(offset..<min(bytes.count, offset + buffer.count))
  }
}

/// The contents of a regular file of at most `limit` bytes.
package func readSmallFile(path: String, limit: Int) throws(FileError) -> [UInt8] {
  let descriptor = try openRegular(path: path)
  defer { close(descriptor.number) }
  guard descriptor.size <= limit else {
    throw .tooLarge(path: path, bytes: descriptor.size, limit: limit)
  }
  // An array of no bytes is one that all threads share, and what follows writes its count.
  guard descriptor.size > 0 else { return [] }
  var failure: Int32 = 0
  let contents = [UInt8](unsafeUninitializedCapacity: descriptor.size) { buffer, count in
    while count < buffer.count {
      let rest = UnsafeMutableRawBufferPointer(
        rebasing: UnsafeMutableRawBufferPointer(buffer)[count...])
      let received = read(descriptor.number, rest.baseAddress, rest.count)
      if received < 0 && errno == EINTR { continue }
      if received < 0 { failure = errno }
      guard received > 0 else { return }
      count += received
    }
  }
  guard failure == 0 else { throw .system(path: path, operation: "read it", code: failure) }
  return contents
}

/// Opens without ever waiting: a FIFO nobody writes to and a device are turned away by their kind.
package func openRegular(path: String) throws(FileError) -> (number: Int32, size: Int) {
  guard !path.utf8.contains(0) else { throw .unusablePath(path: path) }
  let number = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
  guard number >= 0 else { throw .system(path: path, operation: "open it", code: errno) }
  var status = stat()
  guard fstat(number, &status) == 0 else {
    let code = errno
    close(number)
    throw .system(path: path, operation: "examine it", code: code)
  }
  guard status.st_mode & S_IFMT == S_IFREG else {
    close(number)
    throw .notRegular(path: path, kind: kind(ofMode: status.st_mode))
  }
  return (number, Int(status.st_size))
}

private func kind(ofMode mode: mode_t) -> String {
  switch mode & S_IFMT {
  case S_IFDIR: "a directory"
  case S_IFIFO: "a FIFO"
  case S_IFCHR, S_IFBLK: "a device"
  case S_IFSOCK: "a socket"
  default: "a special file"
  }
}
