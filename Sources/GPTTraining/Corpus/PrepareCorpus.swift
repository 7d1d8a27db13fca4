internal import GPTJSON
internal import GPTTensor
internal import GPTTokenizer

/// Makes token shards of text: reads, cleans, leaves duplicates out, splits, learns a vocabulary
/// and encodes. Does nothing when the folder holds what these inputs and options give.
///
/// Memory is bounded whatever the size of the corpus, but for about 300 bytes a document with
/// `.near` and 40 with `.exact` (see `NearDuplicates`); on the disk the folder needs the clean text
/// once while this runs. Every file appears under its name when it is whole, manifest.json last.
///
/// - Parameters:
///   - paths: text files, folders, JSON lines, each packed with gzip or not; `-` for standard input
///   - progress: called for about every quarter of a megabyte
///   - isCancelled: asked as often; true makes this throw `.interrupted`
package func prepareCorpus(
  _ paths: [String], options: PreparationOptions,
  progress: @escaping (PreparationProgress) -> Void = { _ in },
  isCancelled: @escaping () -> Bool = { false }
) throws(TrainingError) -> PreparedCorpus {
  try options.check()
  let files = try CorpusFinder.files(of: paths, excluding: options.folder)
  var preparation = Preparation(
    files: files, options: options,
    monitor: PreparationMonitor(progress: progress, isCancelled: isCancelled))
  return try preparation.run()
}

private struct Preparation {
  private let files: [CorpusFile]
  private let options: PreparationOptions
  private let monitor: PreparationMonitor
  private var manifest = CorpusManifest(options: .null)
  /// Files of a tokenizer that is there.
  private var existing: [TokenizerFiles.File] = []

  private var folder: String { options.folder }
  private var inputs: String { files.count == 1 ? files[0].name : "corpus" }

  init(files: [CorpusFile], options: PreparationOptions, monitor: PreparationMonitor) {
    self.files = files
    self.options = options
    self.monitor = monitor
  }

  mutating func run() throws(TrainingError) -> PreparedCorpus {
    if case .existing(let path) = options.tokenizer {
      existing = try CorpusTokenizer.files(of: path)
    }
    manifest = CorpusManifest(
      options: CorpusManifest.options(options, tokenizer: existing))
    if var corpus = try reusable() {
      corpus.wasReused = true
      return corpus
    }
    let target = try PreparedFolder(folder)
    try target.removeSpools()
    let spool = try read(into: target)
    let split = CorpusSplit(spool, share: options.validationShare)
    try split.checkLeakage()
    manifest.training.textBytes = bytes(split, .training)
    manifest.validation.textBytes = bytes(split, .validation)
    let files = try tokenizerFiles(split, spool)
    // The last moment to stop with the old corpus still there.
    try monitor.report(
      .encoding, 0, of: manifest.training.textBytes + manifest.validation.textBytes)
    try target.removeCorpus()
    let tokenizer = try makeTokenizer(files)
    try encode(split, spool, tokenizer)
    let text = Array((manifest.json.encoded() + "\n").utf8)
    do {
      try ReplacedFile.write(text, to: "\(folder)/\(CorpusManifest.fileName)")
    } catch { throw .file(error) }
    return try withExtendedLifetime(target) { () throws(TrainingError) in
      try openPreparedCorpus(folder: folder)
    }
  }

  /// The corpus in the folder, when it is of these inputs and options.
  private func reusable() throws(TrainingError) -> PreparedCorpus? {
    guard !files.contains(where: \.isStandardInput),
      let (old, _) = try? CorpusManifest.read(folder: folder), old.options == manifest.options,
      old.inputs.map(\.path) == files.map(\.path),
      old.inputs.map(\.byteCount) == files.map(\.byteCount)
    else { return nil }
    let touched = zip(files, old.inputs).filter { $0.modified != $1.modified }
    let total = touched.reduce(0) { $0 + $1.0.byteCount }
    var done = 0
    for (file, input) in touched {
      let reader = try InputReader(file)
      while try reader.skim() {
        try monitor.report(.checking, done + reader.byteCount, of: total)
      }
      guard reader.digest().hexadecimal == input.sha256 else { return nil }
      done += file.byteCount
    }
    return try? openPreparedCorpus(folder: folder)
  }

  private mutating func read(into target: PreparedFolder) throws(TrainingError) -> DocumentSpool {
    let total =
      files.contains(where: \.isStandardInput) ? nil : files.reduce(0) { $0 + $1.byteCount }
    var intake = DocumentIntake(
      deduplication: options.deduplication,
      writer: try DocumentSpoolWriter(path: target.spoolPath))
    var documents = DocumentReader(textField: options.textField)
    var done = 0
    for file in files {
      let input = try InputReader(file, shouldStop: { [monitor] in monitor.shouldStop })
      try documents.read(file, from: input) { piece throws(TrainingError) in
        try intake.accept(piece)
      } report: { () throws(TrainingError) in
        try monitor.report(.reading, done + input.byteCount, of: total)
      }
      done += input.byteCount
      manifest.inputs.append(
        .init(
          path: file.path, byteCount: input.byteCount, modified: file.modified,
          sha256: input.digest().hexadecimal))
    }
    let spool = try intake.finish(
      documents: documents.documentCount, cleaning: documents.counts)
    manifest.counts = intake.counts
    guard let spool else {
      throw .invalid(location: inputs, found: "no text", expected: "text to train on")
    }
    return spool
  }

  private func bytes(_ split: CorpusSplit, _ side: CorpusSplit.Side) -> Int {
    split.segments(side).reduce(0) { $0 + $1.range.count }
  }

  private func tokenizerFiles(
    _ split: CorpusSplit, _ spool: DocumentSpool
  ) throws(TrainingError) -> [TokenizerFiles.File] {
    let size = manifest.training.textBytes
    try monitor.report(.trainingTokenizer, 0, of: size)
    switch options.tokenizer {
    case .existing: return existing
    case .bytes: return TokenizerFiles.byteLevel(ByteLevelVocabulary.bytes())
    case .characters:
      let characters = try CharacterInventory(of: spool, monitor: monitor).characters
      return TokenizerFiles.byteLevel(ByteLevelVocabulary.characters(characters))
    case .trained(let algorithm, let vocabularySize):
      let training = VocabularyTraining(
        algorithm: algorithm, vocabularySize: vocabularySize)
      return try TokenizerFiles.sentencePiece(
        training.train(split, spool, trainingBytes: size, monitor: monitor))
    }
  }

  private mutating func makeTokenizer(
    _ files: [TokenizerFiles.File]
  ) throws(TrainingError) -> CorpusTokenizer {
    let tokenizer = try CorpusTokenizer(files, in: folder)
    try tokenizer.checkEnd(forDocuments: manifest.counts.keptPieces > 1)
    manifest.tokenizer = files.map { file in
      .init(name: file.name, sha256: SHA256.digest(of: file.contents).hexadecimal)
    }
    manifest.vocabularySize = tokenizer.tokenizer.vocabularySize
    manifest.endOfDocument = tokenizer.endOfDocument
    manifest.bitWidth = manifest.vocabularySize <= 1 << 16 ? 16 : 32
    return tokenizer
  }

  private mutating func encode(
    _ split: CorpusSplit, _ spool: DocumentSpool, _ tokenizer: CorpusTokenizer
  ) throws(TrainingError) {
    let isTrained = if case .trained = options.tokenizer { true } else { false }
    let encoder = CorpusEncoder(
      tokenizer: tokenizer.tokenizer, spool: spool,
      chunkBytes: isTrained ? TextChunks.smallBytes : TextChunks.largeBytes,
      pool: ThreadPool(threadCount: options.threadCount))
    let total = manifest.training.textBytes + manifest.validation.textBytes
    var done = 0
    for side in CorpusSplit.Side.allCases {
      let writer = ShardWriter(
        folder: folder, prefix: side.rawValue, bitWidth: manifest.bitWidth)
      try encoder.encode(split.segments(side), to: writer) { count throws(TrainingError) in
        done += count
        try monitor.report(.encoding, done, of: total)
      }
      guard writer.tokenCount > 1 else {
        throw .invalid(
          location: inputs,
          found: "\(writer.tokenCount) tokens in the \(side.rawValue) part of "
            + "\(manifest.counts.textBytes) bytes of text",
          expected: "at least 2; more text")
      }
      let shards = try writer.finish()
      if side == .training {
        manifest.training.shards = shards
      } else {
        manifest.validation.shards = shards
      }
    }
  }
}
