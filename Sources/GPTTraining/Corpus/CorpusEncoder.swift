internal import GPTTensor
internal import GPTTokenizer

/// Turns the text of a spool into token ids on several threads; the result is the same for any
/// number of them.
struct CorpusEncoder {
  /// Text and chunks that are encoded together, for each thread.
  private static let bytesPerThread = 1 << 20
  private static let chunksPerThread = 1024

  private struct Chunk {
    var range: Range<Int>
    var followsAnother: Bool
  }

  let tokenizer: any Tokenizer
  let spool: DocumentSpool
  /// Most bytes of text that the tokenizer gets at once.
  let chunkBytes: Int
  let pool: ThreadPool

  /// - Parameter report: gets the bytes that were encoded since its last call
  func encode(
    _ segments: some Sequence<CorpusSplit.Segment>, to writer: ShardWriter,
    report: (Int) throws(TrainingError) -> Void
  ) throws(TrainingError) {
    var chunks: [Chunk] = []
    var byteCount = 0
    for segment in segments {
      var followsAnother = segment.followsAnother
      for range in TextChunks.ranges(of: spool.text(segment.range), byteLimit: chunkBytes) {
        let start = segment.range.lowerBound
        chunks.append(
          Chunk(
            range: (start + range.lowerBound)..<(start + range.upperBound),
            followsAnother: followsAnother))
        followsAnother = false
        byteCount += range.count
        guard
          byteCount >= Self.bytesPerThread * pool.threadCount
            || chunks.count >= Self.chunksPerThread * pool.threadCount
        else { continue }
        try encode(chunks, to: writer, report)
        chunks.removeAll(keepingCapacity: true)
        byteCount = 0
      }
    }
    try encode(chunks, to: writer, report)
  }

  private func encode(
    _ chunks: [Chunk], to writer: ShardWriter, _ report: (Int) throws(TrainingError) -> Void
  ) throws(TrainingError) {
    var results = [Result<[Int32], TokenizerError>](repeating: .success([]), count: chunks.count)
    results.withUnsafeMutableBufferPointer { results in
      pool.run(chunks.count) { index, _ in
        let text = String(decoding: spool.text(chunks[index].range), as: UTF8.self)
        results[index] = Result { () throws(TokenizerError) in
          try tokenizer.encode(text, addSpecialTokens: false, parseSpecialTokens: false)
        }
      }
    }
    for (chunk, result) in zip(chunks, results) {
      switch result {
      case .success(let ids):
        if chunk.followsAnother, let end = tokenizer.endOfSequence { try writer.append([end]) }
        try writer.append(ids)
      case .failure(let error): throw .tokenizer(error)
      }
      try report(chunk.range.count)
    }
  }
}
