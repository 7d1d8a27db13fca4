import GPTTensor
import GPTWeights

/// Where the numbers of one parameter lie in a checkpoint's tensor.
struct StoredParameter {
  let stored: StoredTensor
  /// Of the parameter, `[out, in]`; a vector has one row.
  let rows: Int
  let columns: Int
  let isVector: Bool
  /// The stored matrix is `[in, out]`.
  let isTransposed: Bool
  /// Which outputs of the stored tensor are the parameter's.
  private let selection: RowSelection

  /// Every parameter of the checkpoint's configuration.
  static func all(in checkpoint: Checkpoint) throws(ModelError) -> [String: StoredParameter] {
    let configuration = checkpoint.configuration
    let layout = TensorLayout(configuration: configuration, names: checkpoint.names)
    var result: [String: StoredParameter] = [:]
    for entry in layout.entries {
      let stored = try checkpoint.tensor(entry.place)
      var first = 0
      for part in entry.parts(configuration: configuration, names: checkpoint.names) {
        result[part.parameter] = StoredParameter(
          stored, entry: entry, first: first, count: part.outputs,
          interleavedHeadWidth: part.interleavedHeadWidth)
        first += part.outputs
      }
    }
    return result
  }

  private init(
    _ stored: StoredTensor, entry: TensorLayout.Entry, first: Int, count: Int,
    interleavedHeadWidth: Int?
  ) {
    self.stored = stored
    isVector = stored.shape.count == 1
    isTransposed = entry.isTransposed
    rows = isVector ? 1 : count
    columns = isVector ? count : isTransposed ? stored.rowCount : stored.columnCount
    selection = RowSelection(
      first: first, count: count, interleavedHeadWidth: interleavedHeadWidth)
  }

  /// Whether a row lies in the file as a row.
  var hasEncodedRows: Bool { !isVector && !isTransposed }

  /// The encoded row of a matrix that is stored `[out, in]`.
  func encodedRow(_ row: Int) -> UnsafeRawPointer {
    precondition(hasEncodedRows, "'\(stored.name)' has no such rows")
    return pointer(toStoredRow: selection.storedRow(of: row))
  }

  /// The bytes of a vector that is stored as the parameter has it; nil for a part of one.
  var encodedVector: UnsafeRawPointer? {
    guard isVector, selection.interleavedHeadWidth == nil, selection.count == stored.columnCount
    else { return nil }
    return stored.bytes.baseAddress
  }

  func pointer(toStoredRow row: Int) -> UnsafeRawPointer {
    guard let base = stored.bytes.baseAddress else {
      preconditionFailure("'\(stored.name)' is empty")
    }
    return base + row * stored.rowBytes
  }

  func read(_ rows: Range<Int>, into destination: UnsafeMutablePointer<Float>, stride: Int) {
    precondition(
      rows.lowerBound >= 0 && rows.upperBound <= self.rows && stride >= columns,
      "rows \(rows) of \(self.rows) with stride \(stride)")
    for row in rows {
      let target = destination + (row - rows.lowerBound) * stride
      if isVector {
        let values = stored.dequantised()
        for index in 0..<columns { target[index] = values[selection.storedRow(of: index)] }
      } else if isTransposed {
        stored.dequantise(column: selection.storedRow(of: row), into: target)
      } else {
        let source = selection.storedRow(of: row)
        stored.dequantise(rows: source..<source + 1, into: target, rowStride: columns)
      }
    }
  }
}

extension TensorLayout.Entry {
  struct Part {
    let parameter: String
    /// Rows, or elements of a vector.
    let outputs: Int
    /// The width of a head when the entry stores its rows as llama.cpp does.
    let interleavedHeadWidth: Int?
  }

  /// The parameters of the entry with their sizes, in the order in which they follow each other.
  func parts(configuration: ModelConfiguration, names: TensorNames) -> [Part] {
    switch place {
    case .model(let tensor):
      let outputs = configuration.shape(of: tensor)[0]
      return [
        Part(parameter: tensor.parameterName, outputs: outputs, interleavedHeadWidth: nil)
      ]
    case .block(let tensor, let index):
      return tensor.parts.map { part in
        let rotates = [.query, .key, .queryBias, .keyBias].contains(part)
        return Part(
          parameter: part.parameterName(block: index), outputs: configuration.shape(of: part)[0],
          interleavedHeadWidth: names.interleavedHeads && rotates ? configuration.headWidth : nil)
      }
    }
  }
}
