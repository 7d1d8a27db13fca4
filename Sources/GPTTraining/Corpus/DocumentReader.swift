internal import GPTJSON

/// Cuts inputs into clean documents.
///
/// A text file is one document and so is the text of a JSONL line. A document of more than
/// `pieceBytes` comes in pieces that end at line ends, so that memory stays bounded.
struct DocumentReader {
  /// Pieces of a document that is larger.
  static let pieceBytes = 16 << 20
  /// A longer line of JSON is no document but a mistake.
  static let lineBytes = 64 << 20
  /// Values of all kinds in a line of JSON: a list of them takes some hundred bytes for each.
  private static let lineValues = 1 << 18
  /// Where a NUL makes a file a binary one: git looks at as many bytes (xdiff-interface.c).
  private static let binaryProbe = 8000
  /// A file with more than one in so many characters repaired is no UTF-8 text.
  private static let repairedShare = 10

  /// A part of a document.
  struct Piece {
    var text: [UInt8]
    /// Number of the document, counted over the corpus.
    var document: Int
    /// Number of the piece in its document.
    var part: Int
  }

  typealias Accept = (Piece) throws(TrainingError) -> Void

  private static let limits: JSONLimits = {
    var limits = JSONLimits()
    limits.bytes = lineBytes
    limits.values = lineValues
    return limits
  }()

  private(set) var counts = TextCleaner.Counts()
  private(set) var documentCount = 0
  private let textField: String

  init(textField: String) { self.textField = textField }

  /// - Parameters:
  ///   - accept: gets the documents in their order
  ///   - report: called after each block
  mutating func read(
    _ file: CorpusFile, from reader: InputReader, accept: Accept,
    report: () throws(TrainingError) -> Void
  ) throws(TrainingError) {
    switch file.layout {
    case .text: try readText(file, reader, accept, report)
    case .lines: try readLines(file, reader, accept, report)
    }
  }

  private mutating func readText(
    _ file: CorpusFile, _ reader: InputReader, _ accept: Accept,
    _ report: () throws(TrainingError) -> Void
  ) throws(TrainingError) {
    var cleaner = TextCleaner()
    var pieces = PieceCutter(document: documentCount)
    var isFirst = true
    while let block = try reader.next() {
      if isFirst { try checkText(block, file) }
      cleaner.append(block, to: &pieces.text)
      if isFirst { try checkRepairs(cleaner.counts, of: pieces.text.count, file) }
      isFirst = false
      try pieces.cut(accept)
      try report()
    }
    cleaner.finish(to: &pieces.text)
    try pieces.finish(accept)
    try checkRepairs(cleaner.counts, of: pieces.byteCount, file)
    if pieces.byteCount > 0 { documentCount += 1 }
    add(cleaner.counts)
  }

  private func checkText(_ block: [UInt8], _ file: CorpusFile) throws(TrainingError) {
    guard let position = block.prefix(Self.binaryProbe).firstIndex(of: 0) else { return }
    throw .invalid(
      location: file.name, found: "a NUL at byte \(position) (a binary file or UTF-16)",
      expected: "UTF-8 text")
  }

  private func checkRepairs(
    _ counts: TextCleaner.Counts, of byteCount: Int, _ file: CorpusFile
  ) throws(TrainingError) {
    guard counts.repairedSequences > byteCount / Self.repairedShare else { return }
    throw .invalid(
      location: file.name,
      found: "\(counts.repairedSequences) sequences in \(byteCount) bytes that are not UTF-8",
      expected: "UTF-8 text")
  }

  private mutating func add(_ counts: TextCleaner.Counts) {
    self.counts.repairedSequences += counts.repairedSequences
    self.counts.removedControls += counts.removedControls
  }

  private mutating func readLines(
    _ file: CorpusFile, _ reader: InputReader, _ accept: Accept,
    _ report: () throws(TrainingError) -> Void
  ) throws(TrainingError) {
    var lines = LineBuffer()
    var number = 0
    while true {
      let block = try reader.next()
      if let block { lines.append(block) } else { lines.finish() }
      while let line = lines.next() {
        number += 1
        try readLine(line, "\(file.name): line \(number)", accept)
      }
      guard lines.restCount <= Self.lineBytes else {
        throw .invalid(
          location: "\(file.name): line \(number + 1)",
          found: "more than \(Self.lineBytes) bytes", expected: "a document of at most that")
      }
      guard block != nil else { return }
      try report()
    }
  }

  private mutating func readLine(
    _ line: [UInt8], _ location: String, _ accept: Accept
  ) throws(TrainingError) {
    guard line.contains(where: { $0 != 0x20 && $0 != 0x09 && $0 != 0x0d }) else { return }
    let value = try parse(line, location)
    guard let text = value[textField]?.string else {
      let found =
        value.object == nil
        ? value.kind
        : value[textField].map { "\($0.kind) in '\(textField)'" } ?? "no '\(textField)'"
      throw .invalid(
        location: location, found: found, expected: "an object with a string in '\(textField)'")
    }
    var cleaner = TextCleaner()
    var pieces = PieceCutter(document: documentCount)
    cleaner.append(Array(text.utf8), to: &pieces.text)
    cleaner.finish(to: &pieces.text)
    try pieces.cut(accept)
    try pieces.finish(accept)
    if pieces.byteCount > 0 { documentCount += 1 }
    add(cleaner.counts)
  }

  /// The value of a line, whose bytes are repaired when they are not UTF-8.
  private mutating func parse(
    _ line: [UInt8], _ location: String
  ) throws(TrainingError) -> JSONValue {
    var line = line
    if String(validating: line, as: UTF8.self) == nil {
      var cleaner = TextCleaner()
      var repaired: [UInt8] = []
      cleaner.append(line, to: &repaired)
      cleaner.finish(to: &repaired)
      add(cleaner.counts)
      line = repaired
    }
    let result = line.withUnsafeBytes { bytes in
      Result { () throws(JSONError) in try JSONParser.parse(bytes, limits: Self.limits) }
    }
    switch result {
    case .success(let value): return value
    case .failure(let error):
      throw .invalid(location: location, found: error.description, expected: "a JSON object")
    }
  }
}

/// Collects the text of one document and hands it out in pieces.
private struct PieceCutter {
  var text: [UInt8] = []
  /// Bytes handed out.
  private(set) var byteCount = 0
  private let document: Int
  private var part = 0

  init(document: Int) { self.document = document }

  /// Hands out whole pieces.
  mutating func cut(_ accept: DocumentReader.Accept) throws(TrainingError) {
    while text.count > DocumentReader.pieceBytes {
      let window = text[..<DocumentReader.pieceBytes]
      var end = window.lastIndex(of: 0x0a).map { $0 + 1 } ?? window.endIndex
      while end < text.count, text[end] & 0xc0 == 0x80 { end -= 1 }
      try hand(Array(text[..<end]), accept)
      text.removeSubrange(..<end)
    }
  }

  mutating func finish(_ accept: DocumentReader.Accept) throws(TrainingError) {
    try cut(accept)
    guard !text.isEmpty else { return }
    try hand(text, accept)
    text = []
  }

  private mutating func hand(
    _ piece: [UInt8], _ accept: DocumentReader.Accept
  ) throws(TrainingError) {
    try accept(DocumentReader.Piece(text: piece, document: document, part: part))
    part += 1
    byteCount += piece.count
  }
}
