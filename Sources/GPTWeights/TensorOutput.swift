import GPTTensor
import Synchronization

/// Writes tensors into a file, some rows at a time, encoded on the threads of a pool.
struct TensorOutput {
  /// Encoded bytes that are held at once; a row that is longer makes a chunk of its own.
  private static let chunkBytes = 4 << 20
  /// Told how many bytes are written so far; false stops the writing.
  typealias Progress = (_ byteCount: Int) -> Bool

  let file: ReplacedFile
  /// For messages.
  let location: String
  let pool: ThreadPool
  let progress: Progress
  private(set) var byteCount = 0

  init(file: ReplacedFile, location: String, pool: ThreadPool, progress: @escaping Progress) {
    self.file = file
    self.location = location
    self.pool = pool
    self.progress = progress
  }

  /// False when `progress` said to stop.
  mutating func write(_ tensor: TensorToWrite) throws(WeightsError) -> Bool {
    tensor.prepare?()
    defer { tensor.finish?() }
    let rows = max(1, min(tensor.rowCount, Self.chunkBytes / max(1, tensor.rowBytes)))
    let buffer = AlignedBuffer(byteCount: rows * tensor.rowBytes)
    var first = 0
    while first < tensor.rowCount {
      let count = min(rows, tensor.rowCount - first)
      try encode(tensor, rows: first..<first + count, into: buffer)
      let bytes = UnsafeRawBufferPointer(start: buffer.base, count: count * tensor.rowBytes)
      do { try file.write(bytes) } catch { throw .file(error) }
      byteCount += bytes.count
      guard progress(byteCount) else { return false }
      first += count
    }
    return true
  }

  /// Rows go to the threads in groups, so that small ones are worth a claim.
  private func encode(
    _ tensor: TensorToWrite, rows: Range<Int>, into buffer: AlignedBuffer
  ) throws(WeightsError) {
    let group = max(1, (1 << 14) / max(1, tensor.columnCount))
    let firstWrong = Atomic<Int>(Int.max)
    pool.run((rows.count + group - 1) / group) { chunk, worker in
      let start = rows.lowerBound + chunk * group
      for row in start..<min(start + group, rows.upperBound) {
        let target = buffer.base + (row - rows.lowerBound) * tensor.rowBytes
        if let source = tensor.encodedRow?(row) {
          target.copyMemory(from: source, byteCount: tensor.rowBytes)
          continue
        }
        let floats = pool.scratch(worker: worker, byteCount: tensor.columnCount * 4)
          .assumingMemoryBound(to: Float.self)
        tensor.fill(row, floats)
        if !tensor.encodes(floats, into: target) { firstWrong.min(row, ordering: .relaxed) }
      }
    }
    let row = firstWrong.load(ordering: .relaxed)
    guard row == Int.max else { throw tensor.outOfRange(row, location: location) }
  }
}

extension TensorToWrite {
  /// Encodes a row; false when a number cannot be told in the type.
  func encodes(_ values: UnsafePointer<Float>, into target: UnsafeMutableRawPointer) -> Bool {
    if refusesOverflow || dtype.blockLength > 1 {
      guard Self.fits(values, count: columnCount, dtype) else { return false }
    }
    encodeRow(values, count: columnCount, as: dtype, into: target)
    return true
  }

  /// The scales of quantised blocks are of half precision, so no number may be beyond that.
  private static func fits(
    _ values: UnsafePointer<Float>, count: Int, _ dtype: DType
  ) -> Bool {
    switch dtype {
    case .f32: return true
    case .bf16:
      for index in 0..<count where values[index].isFinite {
        guard values[index].magnitude <= 0x1.fep127 else { return false }
      }
    case .f16:
      // 65504 is the largest half; up to 65520 numbers are rounded to it.
      for index in 0..<count where values[index].isFinite {
        guard values[index].magnitude < 65520 else { return false }
      }
    default:
      for index in 0..<count {
        guard values[index].magnitude <= 65504 else { return false }
      }
    }
    return true
  }

  fileprivate func outOfRange(_ row: Int, location: String) -> WeightsError {
    .tensor(
      name, file: location, found: "has a number in row \(row) that \(dtype.rawValue) cannot hold",
      expected: dtype == .bf16 ? "at most 3.39e38" : "at most 65504")
  }
}
