internal import GPTJSON
internal import GPTTensor
import Glibc

package typealias MetricsLog = StepLog<MetricsRecord>
package typealias SampleLog = StepLog<SampleRecord>

/// A file of JSON lines, one for each of some steps of a run, in their order.
///
/// A line that cannot be written (the disk is full) is kept and tried again with the next one, so
/// that a run goes on; `synchronise` is where the failure is told.
package final class StepLog<Record: StepRecord> {
  /// A hundred bytes a record: enough for years of steps, and small enough to read whole.
  package static var byteLimit: Int { 1 << 30 }

  package private(set) var records: [Record] = []
  /// Where each record's line ends in the file.
  private var ends: [Int] = []
  private let path: String
  private let descriptor: Int32
  /// Bytes of the file that hold whole lines.
  private var length = 0
  /// Lines that follow them and are not in the file yet.
  private var pending: [UInt8] = []

  /// Opens the file and reads what is there; a last line without its end is dropped.
  package init(path: String) throws(TrainingError) {
    self.path = path
    var status = stat()
    let bytes: [UInt8]
    do throws(FileError) {
      guard !path.utf8.contains(0) else { throw .unusablePath(path: path) }
      bytes = lstat(path, &status) == 0 ? try readSmallFile(path: path, limit: Self.byteLimit) : []
      descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0o644)
      guard descriptor >= 0 else { throw .system(path: path, operation: "write it", code: errno) }
    } catch { throw .file(error) }
    try read(bytes)
    try shorten()
  }

  deinit { close(descriptor) }

  package func append(_ record: Record) {
    let line = Array((record.json.encoded() + "\n").utf8)
    records.append(record)
    ends.append(length + pending.count + line.count)
    pending += line
    try? flush()
  }

  /// Removes the lines of later steps.
  package func cut(after step: Int) throws(TrainingError) {
    let kept = records.lastIndex { $0.step <= step }.map { $0 + 1 } ?? 0
    records.removeSubrange(kept...)
    ends.removeSubrange(kept...)
    let end = ends.last ?? 0
    pending.removeSubrange(max(0, end - length)...)
    length = min(length, end)
    try shorten()
  }

  /// Puts every line on the disk.
  package func synchronise() throws(TrainingError) {
    try flush()
    guard fsync(descriptor) == 0 else { throw failure() }
  }

  private func read(_ bytes: [UInt8]) throws(TrainingError) {
    var start = 0
    while let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
      let record = try record(bytes[start..<end], number: records.count + 1)
      if let last = records.last, record.step <= last.step {
        throw problem(
          line: records.count + 1, found: "step \(record.step) after \(last.step)",
          expected: "rising steps")
      }
      records.append(record)
      start = end + 1
      ends.append(start)
    }
    length = start
  }

  private func record(
    _ line: ArraySlice<UInt8>, number: Int
  ) throws(TrainingError) -> Record {
    let parsed = line.withUnsafeBytes { bytes in
      Result { () throws(JSONError) in try JSONParser.parse(bytes) }
    }
    let value: JSONValue
    do { value = try parsed.get() } catch {
      throw problem(line: number, found: error.description, expected: "a JSON object")
    }
    guard let record = Record(json: value) else {
      throw problem(line: number, found: value.kind, expected: "a record with its step")
    }
    return record
  }

  private func problem(line: Int, found: String, expected: String) -> TrainingError {
    .invalid(location: "\(path): line \(line)", found: found, expected: expected)
  }

  private func flush() throws(TrainingError) {
    var written = 0
    while written < pending.count {
      let count = pending.withUnsafeBytes { bytes in
        pwrite(
          descriptor, bytes.baseAddress.map { $0 + written }, bytes.count - written,
          off_t(length + written))
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else {
        let error = failure()
        // Half a line must not stay in front of what another program reads.
        ftruncate(descriptor, off_t(length))
        throw error
      }
      written += count
    }
    length += pending.count
    pending = []
  }

  private func shorten() throws(TrainingError) {
    guard ftruncate(descriptor, off_t(length)) == 0 else { throw failure() }
  }

  private func failure() -> TrainingError {
    .file(.system(path: path, operation: "write it", code: errno))
  }
}
