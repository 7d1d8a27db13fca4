import GPTTensor
import GPTWeights

/// The tensors of a file of another layout or type, made from a source's rows as they are asked
/// for.
extension SourceModel {
  /// - Parameters:
  ///   - configuration: as the target's family has it.
  ///   - names: the target's names and layout.
  ///   - dtype: the type of each tensor, by its place and shape as stored.
  func tensors(
    configuration: ModelConfiguration, names: TensorNames,
    dtype: (TensorLayout.Entry) -> DType
  ) -> [TensorToWrite] {
    TensorLayout(configuration: configuration, names: names).entries.map { entry in
      let parts = entry.parts(configuration: configuration, names: names)
      let target = TargetTensor(source: self, entry: entry, parts: parts)
      return target.tensor(dtype: dtype(entry))
    }
  }
}

/// One tensor of the target and where its rows come from.
private struct TargetTensor {
  let source: SourceModel
  let entry: TensorLayout.Entry
  let parts: [TensorLayout.Entry.Part]

  func tensor(dtype: DType) -> TensorToWrite {
    let stored = parts.map { source.stored($0.parameter) }
    let scratch = TransposedScratch()
    var result = TensorToWrite(name: entry.name, dtype: dtype, shape: entry.shape) { row, target in
      if entry.shape.count == 1 {
        fillVector(target)
      } else if entry.isTransposed {
        scratch.copy(column: row, to: target)
      } else {
        let (part, row) = place(ofRow: row)
        source.read(
          row..<row + 1, of: parts[part].parameter, into: target, stride: entry.shape[1])
      }
    }
    result.refusesOverflow = true
    result.encodedRow = encodedRow(dtype, stored)
    if entry.isTransposed, result.encodedRow == nil {
      result.prepare = { scratch.fill(from: source, parts: parts.map(\.parameter)) }
    }
    result.finish = {
      scratch.release()
      for parameter in stored { parameter.stored.releasePages() }
    }
    return result
  }

  /// The part that a row of the target belongs to, and the row of that parameter.
  private func place(ofRow row: Int) -> (part: Int, row: Int) {
    var rest = row
    var index = 0
    while index < parts.count - 1, rest >= parts[index].outputs {
      rest -= parts[index].outputs
      index += 1
    }
    guard let width = parts[index].interleavedHeadWidth else { return (index, rest) }
    return (index, plainRow(ofInterleaved: rest, headWidth: width))
  }

  /// The rows that lie in the source as the target wants them, nil when they must be made.
  private func encodedRow(
    _ dtype: DType, _ stored: [StoredParameter]
  ) -> ((Int) -> UnsafeRawPointer)? {
    guard stored.allSatisfy({ $0.stored.dtype == dtype }),
      !parts.contains(where: { source.adjusts($0.parameter) })
    else { return nil }
    if entry.shape.count == 1 {
      guard stored.count == 1, parts[0].interleavedHeadWidth == nil,
        let vector = stored[0].encodedVector
      else { return nil }
      return { _ in vector }
    }
    if !entry.isTransposed, stored.allSatisfy(\.hasEncodedRows) {
      return { row in
        let (part, row) = place(ofRow: row)
        return stored[part].encodedRow(row)
      }
    }
    // Families that turn their matrices join the same parameters in them.
    guard entry.isTransposed, stored.allSatisfy(\.isTransposed) else { return nil }
    let whole = stored[0]
    return { row in whole.pointer(toStoredRow: row) }
  }

  private func fillVector(_ target: UnsafeMutablePointer<Float>) {
    var target = target
    for part in parts {
      source.read(0..<1, of: part.parameter, into: target, stride: part.outputs)
      if let width = part.interleavedHeadWidth {
        let plain = Array(UnsafeBufferPointer(start: target, count: part.outputs))
        for index in 0..<part.outputs {
          target[index] = plain[plainRow(ofInterleaved: index, headWidth: width)]
        }
      }
      target += part.outputs
    }
  }
}

/// The inverse of `RowSelection.storedRow(of:)`.
private func plainRow(ofInterleaved row: Int, headWidth: Int) -> Int {
  let (head, index) = (row / headWidth, row % headWidth)
  return head * headWidth + index % 2 * (headWidth / 2) + index / 2
}

/// A matrix `[out, in]` in memory, while a tensor `[in, out]` is written from it.
private final class TransposedScratch {
  private var buffer: AlignedBuffer?
  private var rows = 0
  private var columns = 0

  func fill(from source: SourceModel, parts: [String]) {
    let shapes = parts.map { source.stored($0) }
    rows = shapes.reduce(0) { $0 + $1.rows }
    columns = shapes.first?.columns ?? 0
    let buffer = AlignedBuffer(byteCount: rows * columns * 4)
    var target = buffer.pointer(Float.self)
    for (part, shape) in zip(parts, shapes) {
      source.read(0..<shape.rows, of: part, into: target, stride: columns)
      target += shape.rows * columns
    }
    self.buffer = buffer
  }

  func copy(column: Int, to target: UnsafeMutablePointer<Float>) {
    guard let values = buffer?.pointer(Float.self) else { return }
    for row in 0..<rows { target[row] = values[row * columns + column] }
  }

  func release() { buffer = nil }
}
