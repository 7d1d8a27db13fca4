import GPTJSON
package import GPTTensor
import GPTWeights

/// The weights of a folder or file, found and checked, for the parameters of a model.
package struct StoredParameters {
  private let tensors: [(entry: TensorLayout.Entry, stored: StoredTensor)]
  /// Of tensors whose rows lie in llama.cpp's order, the width of their heads.
  private let headWidth: Int?

  /// - Throws: for a folder whose config.json says something else than `configuration`: the first
  ///   such key with what was found and what was expected; for missing and misshapen tensors.
  package init(configuration: ModelConfiguration, folder: String) throws(ModelError) {
    let (reader, family) = try FoundModel.readConfiguration(folder: folder)
    try check(try family.configuration(reader), equals: configuration)
    let source: any WeightSource
    do { source = try openSafetensors(folder: folder) } catch { throw .weights(error) }
    try self.init(
      Checkpoint(source: source, names: family.names, configuration: configuration))
  }

  /// - Throws: for missing and misshapen tensors.
  init(_ checkpoint: Checkpoint) throws(ModelError) {
    let layout = TensorLayout(
      configuration: checkpoint.configuration, names: checkpoint.names)
    var tensors: [(TensorLayout.Entry, StoredTensor)] = []
    for entry in layout.entries { tensors.append((entry, try checkpoint.tensor(entry.place))) }
    self.tensors = tensors
    headWidth = checkpoint.names.interleavedHeads ? checkpoint.configuration.headWidth : nil
  }

  /// Overwrites the parameters of a model of that configuration, fp32 weights bit for bit.
  package func copy(to parameters: [Parameter]) {
    let byName = Dictionary(parameters.map { ($0.name, $0) }) { first, _ in first }
    for (entry, stored) in tensors {
      let parts = entry.parameters.map { name in
        guard let parameter = byName[name] else {
          preconditionFailure("a model without parameter '\(name)' cannot be loaded")
        }
        return parameter.value
      }
      if entry.isTransposed {
        copyTransposed(stored, to: parts)
      } else {
        copyRows(
          stored, to: parts, interleavedHeadWidth: entry.hasInterleavedHeads ? headWidth : nil)
      }
      stored.releasePages()
    }
  }
}

/// Fills the parameters of a model from the weights of a folder; nothing changes on errors.
///
/// - Throws: as `StoredParameters.init`.
package func loadParameters(
  _ parameters: [Parameter], configuration: ModelConfiguration, from folder: String
) throws(ModelError) {
  try StoredParameters(configuration: configuration, folder: folder).copy(to: parameters)
}

/// Compares two configurations as their config.json files would differ.
private func check(_ found: ModelConfiguration, equals expected: ModelConfiguration)
  throws(ModelError)
{
  guard found != expected else { return }
  let foundObject = try ConfigurationWriter(found).object()
  for (key, value) in try ConfigurationWriter(expected).object().members {
    guard let other = foundObject[key], other != value, key != "architectures" else { continue }
    throw .configuration(
      location: "config.json", key: key, found: other.encoded(), expected: value.encoded())
  }
  throw .configuration(
    location: "config.json", key: "model_type", found: found.architecture,
    expected: expected.architecture)
}

/// Rows (or, of vectors, elements) of `stored` go to the parts one after the other.
private func copyRows(
  _ stored: StoredTensor, to parts: [Tensor], interleavedHeadWidth: Int?
) {
  guard stored.shape.count == 1 else {
    var first = 0
    for part in parts {
      precondition(part.columns == stored.columnCount, "\(part.columns) columns, not \(stored)")
      let rows = RowSelection(
        first: first, count: part.rows, interleavedHeadWidth: interleavedHeadWidth)
      for row in 0..<part.rows {
        let source = rows.storedRow(of: row)
        stored.dequantise(
          rows: source..<source + 1, into: part.row(row), rowStride: part.stride)
      }
      first += part.rows
    }
    return
  }
  let values = stored.dequantised()
  var first = 0
  for part in parts {
    let elements = RowSelection(
      first: first, count: part.columns, interleavedHeadWidth: interleavedHeadWidth)
    for index in 0..<part.columns { part.pointer[index] = values[elements.storedRow(of: index)] }
    first += part.columns
  }
}

/// Row i of `stored` `[in, out]` is column i of the parts `[out, in]`.
private func copyTransposed(_ stored: StoredTensor, to parts: [Tensor]) {
  withUnsafeTemporaryAllocation(of: Float.self, capacity: stored.columnCount) { row in
    guard let base = row.baseAddress else { return }
    for input in 0..<stored.rowCount {
      stored.dequantise(rows: input..<input + 1, into: base, rowStride: stored.columnCount)
      var source = base
      for part in parts {
        for output in 0..<part.rows { part.pointer[output * part.stride + input] = source[output] }
        source += part.rows
      }
    }
  }
}
