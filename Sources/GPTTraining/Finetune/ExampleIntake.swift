internal import GPTJSON
internal import GPTTokenizer

/// Takes in what files say, and keeps count of it.
struct ExampleIntake {
  private let options: FinetuneDataOptions
  private let encoder: RecordEncoder
  private let parser: RecordParser
  private(set) var examples: EncodedExamples
  private(set) var summary = FinetuneSummary()

  init(_ options: FinetuneDataOptions, _ encoder: RecordEncoder) {
    self.options = options
    self.encoder = encoder
    parser = RecordParser(kind: options.kind)
    examples = EncodedExamples(sequencesPerExample: options.kind == .preferences ? 2 : 1)
    summary.lengths = FinetuneSummary.LengthBin.bins(upTo: options.contextLength)
  }

  mutating func read(
    _ path: String, shouldStop: @escaping () -> Bool
  ) throws(TrainingError) {
    let reader = RecordReader(path: path, shouldStop: shouldStop)
    let before = (examples: examples.count, counts: summary)
    var windows: TextWindows?
    try reader.read { item throws(TrainingError) in
      switch item {
      case .text(let bytes):
        if windows == nil { windows = try beginText(reader.file.name) }
        try addText(bytes, to: &windows)
      case .record(let value, let location): try addRecord(value, location)
      }
      try checkSize(reader.file.name)
    }
    if let rest = windows?.finish() {
      for window in rest { addSequence(window, hash: Self.hash([window])) }
      summary.records += 1
      if examples.count - before.examples > 1 { summary.divided += 1 }
    }
    try checkFound(reader.file.name, before)
  }

  private func beginText(_ name: String) throws(TrainingError) -> TextWindows {
    guard options.kind == .supervised else {
      throw .invalid(
        location: name, found: "plain text",
        expected: "JSON records with 'prompt', 'chosen' and 'rejected'")
    }
    return TextWindows(encoder.text, length: options.contextLength)
  }

  private mutating func addText(
    _ bytes: [UInt8], to windows: inout TextWindows?
  ) throws(TrainingError) {
    let full: [EncodedSequence]?
    do {
      full = try windows?.append(String(decoding: bytes, as: UTF8.self))
    } catch { throw .tokenizer(error) }
    for window in full ?? [] { addSequence(window, hash: Self.hash([window])) }
  }

  private mutating func addRecord(
    _ value: Result<JSONValue, TrainingError>, _ location: String
  ) throws(TrainingError) {
    do throws(TrainingError) {
      let record = try parser.record(try value.get(), location: location)
      try add(try encoder.encode(record, location: location), location)
      summary.records += 1
    } catch {
      guard options.skipsBad, case .invalid = error else { throw error }
      summary.bad += 1
      if summary.badMessages.count < FinetuneSummary.keptMessages {
        summary.badMessages.append(error.description)
      }
    }
  }

  private mutating func add(
    _ example: RecordEncoder.Example, _ location: String
  ) throws(TrainingError) {
    switch example {
    case .text(let text):
      var windows = TextWindows(encoder.text, length: options.contextLength)
      let all: [EncodedSequence]
      do { all = try windows.append(text) + windows.finish() } catch {
        throw .invalid(
          location: location, found: error.description,
          expected: "an example that can be encoded")
      }
      let hash = Self.hash(all)
      for window in all { addSequence(window, hash: hash) }
      if all.count > 1 { summary.divided += 1 }
      if all.isEmpty { summary.dropped += 1 }
    case .sequence(let sequence): addSequence(sequence, hash: Self.hash([sequence]))
    case .pair(let chosen, let rejected): addFitted([chosen, rejected])
    }
  }

  private mutating func addSequence(_ sequence: EncodedSequence, hash: DocumentSpool.TextHash) {
    addFitted([sequence], hash: hash)
  }

  /// Cuts what is too long and leaves out what has nothing to learn.
  private mutating func addFitted(
    _ sequences: [EncodedSequence], hash: DocumentSpool.TextHash? = nil
  ) {
    let length = sequences.map(\.rowLength).max() ?? 0
    let answerCount = sequences.map { $0.tokens.count - $0.answerStart }.max() ?? 0
    summary.count(length: length)
    var fitted = sequences
    var isCut = false
    for index in fitted.indices {
      let cut = fitted[index].fit(
        limit: options.contextLength + 1, answerCount: answerCount,
        beginning: encoder.text.tokenizer.beginningOfSequence)
      isCut = isCut || cut
    }
    guard fitted.allSatisfy({ $0.trainedCount > 0 }) else {
      summary.dropped += 1
      return
    }
    if isCut { summary.truncated += 1 }
    examples.append(fitted, hash: hash ?? Self.hash(sequences))
  }

  private static func hash(_ sequences: [EncodedSequence]) -> DocumentSpool.TextHash {
    let tokens = sequences.flatMap { [Int32(clamping: $0.tokens.count)] + $0.tokens }
    return tokens.withUnsafeBytes { DocumentSpool.TextHash($0) }
  }

  private func checkSize(_ name: String) throws(TrainingError) {
    guard examples.tokenCount <= EncodedExamples.tokenLimit else {
      throw .invalid(
        location: name, found: "more than \(EncodedExamples.tokenLimit) tokens",
        expected: "a smaller file; gpt pretrain reads large ones")
    }
  }

  /// Something must be left of every file.
  private func checkFound(
    _ name: String, _ before: (examples: Int, counts: FinetuneSummary)
  ) throws(TrainingError) {
    let records = summary.records - before.counts.records
    let bad = summary.bad - before.counts.bad
    guard records + bad > 0 else {
      throw .invalid(location: name, found: "no example", expected: "text or JSON records")
    }
    guard examples.count > before.examples else {
      let reason = bad > 0 ? summary.badMessages.first.map { "; the first: \($0)" } ?? "" : ""
      throw .invalid(
        location: name,
        found: "no usable example (\(bad) bad, \(records) with nothing to learn\(reason))",
        expected: "at least 1")
    }
  }
}
