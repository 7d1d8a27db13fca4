internal import GPTJSON

/// Reads what a file says to learn from, piece by piece.
///
/// Files named `.jsonl`, `.ndjson` or `.json` (also with `.gz` behind) hold records: one a line, or
/// one array of them when the first character is a bracket. Standard input holds records when it
/// begins with a brace or a bracket. Everything else is text.
struct RecordReader {
  /// A longer line or element is no example but a mistake.
  static let recordBytes = 4 << 20
  /// Values of all kinds in a record.
  private static let recordValues = 1 << 16
  private static let byteOrderMark: [UInt8] = [0xef, 0xbb, 0xbf]

  /// What was read, and where it stands.
  enum Item {
    /// Part of a text file; the first and every later one of the same file go together.
    case text([UInt8])
    /// A JSON value, or why there is none.
    case record(Result<JSONValue, TrainingError>, location: String)
  }

  typealias Accept = (Item) throws(TrainingError) -> Void

  private static let limits: JSONLimits = {
    var limits = JSONLimits()
    limits.bytes = recordBytes
    limits.values = recordValues
    return limits
  }()

  let file: CorpusFile
  private let shouldStop: () -> Bool

  init(path: String, shouldStop: @escaping () -> Bool) {
    file = CorpusFile(path: path, byteCount: 0, modified: 0)
    self.shouldStop = shouldStop
  }

  /// - Throws: for what is wrong with the file as a whole
  func read(_ accept: Accept) throws(TrainingError) {
    let reader = try InputReader(file, shouldStop: shouldStop)
    let first = try reader.peek() ?? []
    let mark = first.starts(with: Self.byteOrderMark) ? Self.byteOrderMark.count : 0
    let start = first.dropFirst(mark).first { !Self.isSpace($0) }
    let isArray = start == UInt8(ascii: "[")
    guard hasRecords(isArray || start == UInt8(ascii: "{")) else {
      return try readText(reader, accept)
    }
    if isArray {
      try readArray(reader, mark, accept)
    } else {
      try readLines(reader, mark, accept)
    }
  }

  private func hasRecords(_ looksLikeRecords: Bool) -> Bool {
    guard !file.isStandardInput else { return looksLikeRecords }
    var name = file.path.lowercased()
    if name.hasSuffix(".gz") { name.removeLast(3) }
    return file.layout == .lines || name.hasSuffix(".json")
  }

  private func readText(_ reader: InputReader, _ accept: Accept) throws(TrainingError) {
    var documents = DocumentReader(textField: "")
    try documents.read(file, from: reader) { piece throws(TrainingError) in
      try accept(.text(piece.text))
    } report: { () throws(TrainingError) in
      try checkStop()
    }
  }

  private func readLines(
    _ reader: InputReader, _ mark: Int, _ accept: Accept
  ) throws(TrainingError) {
    var lines = LineBuffer()
    var number = 0
    var skipped = mark
    while true {
      let block = try reader.next()
      if let block { lines.append(Array(block.dropFirst(skipped))) } else { lines.finish() }
      skipped = 0
      while let line = lines.next() {
        number += 1
        guard line.contains(where: { !Self.isSpace($0) }) else { continue }
        try hand(line, "\(file.name): line \(number)", accept)
      }
      guard lines.restCount <= Self.recordBytes else {
        throw .invalid(
          location: "\(file.name): line \(number + 1)",
          found: "more than \(Self.recordBytes) bytes", expected: "a record of at most that")
      }
      guard block != nil else { return }
      try checkStop()
    }
  }

  private func readArray(
    _ reader: InputReader, _ mark: Int, _ accept: Accept
  ) throws(TrainingError) {
    var elements = ArrayElements(location: file.name, byteLimit: Self.recordBytes)
    var skipped = mark
    while let block = try reader.next() {
      try elements.feed(Array(block.dropFirst(skipped))) { element throws(TrainingError) in
        let place = "record \(element.number) (line \(element.line))"
        try hand(element.text, "\(file.name): \(place)", accept)
      }
      skipped = 0
      try checkStop()
    }
    try elements.finish()
  }

  private func hand(
    _ bytes: [UInt8], _ location: String, _ accept: Accept
  ) throws(TrainingError) {
    try checkStop()
    let value = Result { () throws(TrainingError) in try Self.parse(bytes, location) }
    try accept(.record(value, location: location))
  }

  private func checkStop() throws(TrainingError) {
    if shouldStop() { throw .interrupted }
  }

  private static func parse(
    _ bytes: [UInt8], _ location: String
  ) throws(TrainingError) -> JSONValue {
    guard String(validating: bytes, as: UTF8.self) != nil else {
      throw .invalid(
        location: location, found: "bytes that are not UTF-8", expected: "a JSON object in UTF-8")
    }
    let result = bytes.withUnsafeBytes { bytes in
      Result { () throws(JSONError) in try JSONParser.parse(bytes, limits: limits) }
    }
    switch result {
    case .success(let value): return value
    case .failure(let error):
      throw .invalid(location: location, found: error.description, expected: "a JSON object")
    }
  }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x09 || byte == 0x0d || byte == 0x0a
  }
}
