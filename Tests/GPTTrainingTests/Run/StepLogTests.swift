import GPTTensor
import GPTTraining
import Glibc
import Testing

@Suite final class StepLogTests {
  private let folder: String
  private var path: String { "\(folder)/samples.jsonl" }

  init() throws { folder = try temporaryFolder() }

  deinit {
    unlink(path)
    rmdir(folder)
  }

  private func write(_ text: String) throws {
    try ReplacedFile.write(Array(text.utf8), to: path)
  }

  private var text: String {
    get throws {
      String(decoding: try readSmallFile(path: path, limit: 1 << 20), as: UTF8.self)
    }
  }

  @Test func linesComeBackAsTheyWere() throws {
    let records = (1...3).map { SampleRecord(step: $0 * 10, text: "line\n\($0) ü\u{1b}") }
    do {
      let log = try SampleLog(path: path)
      for record in records { log.append(record) }
      try log.synchronise()
    }
    #expect(try SampleLog(path: path).records == records)
  }

  @Test(arguments: [0, 10, 15, 20, 99]) func laterStepsAreCut(after step: Int) throws {
    let log = try SampleLog(path: path)
    for step in [10, 20, 30] { log.append(SampleRecord(step: step, text: "a")) }
    try log.cut(after: step)
    log.append(SampleRecord(step: 100, text: "b"))
    let kept = [10, 20, 30].filter { $0 <= step } + [100]
    #expect(log.records.map(\.step) == kept)
    #expect(try SampleLog(path: path).records.map(\.step) == kept)
  }

  @Test func halfALineAtTheEndIsDropped() throws {
    try write("{\"step\":1,\"text\":\"a\"}\n{\"step\":2,\"te")
    let log = try SampleLog(path: path)
    log.append(SampleRecord(step: 2, text: "b"))
    #expect(try text == "{\"step\":1,\"text\":\"a\"}\n{\"step\":2,\"text\":\"b\"}\n")
  }

  @Test(
    arguments: [
      ("{\"step\":1}\n", "line 1: an object, expected a record with its step"),
      ("[]\n", "line 1: an array, expected a record with its step"),
      (
        "{\"step\":1,\"text\":\"a\"}\nx\n",
        "line 2: byte 0: found 'x', expected a value, expected a JSON object"
      ),
      (
        "{\"step\":2,\"text\":\"a\"}\n{\"step\":2,\"text\":\"a\"}\n",
        "line 2: step 2 after 2, expected rising steps"
      ),
    ])
  func aLineThatIsNoRecordIsNamed(contents: String, message: String) throws {
    try write(contents)
    #expect {
      try SampleLog(path: path)
    } throws: { error in "\(error)" == "\(path): \(message)" }
    #expect(try text == contents)
  }

  @Test func aFolderIsNoLog() throws {
    #expect {
      try SampleLog(path: folder)
    } throws: { error in "\(error)" == "\(folder): is a directory, expected a regular file" }
  }
}
