import GPTOps
import GPTTensor
import Glibc

/// Causal attention of whole sequences and its gradients, by their definition.
struct AttentionReference {
  let sequences: SequenceShape
  let shape: AttentionShape
  /// Factor on the weight of a key for a query of head `sequence · H + head`: what dropout does.
  var keep: (_ head: Int, _ query: Int, _ key: Int) -> Double = { _, _, _ in 1 }

  struct Gradients {
    var queries: DoubleMatrix
    var keys: DoubleMatrix
    var values: DoubleMatrix
  }

  func forward(
    queries: DoubleMatrix, keys: DoubleMatrix, values: DoubleMatrix
  ) -> (out: DoubleMatrix, logSums: DoubleMatrix) {
    var out = DoubleMatrix(rows: queries.rows, columns: queries.columns)
    var logSums = DoubleMatrix(
      rows: sequences.count * shape.headCount, columns: sequences.length)
    forEachQuery(queries, keys) { place, weights in
      logSums[place.index, place.query] = weights.logSum
      for (key, weight) in zip(weights.keys, weights.probabilities) {
        let factor = weight * keep(place.index, place.query, key)
        for element in 0..<shape.headWidth {
          out[place.row, place.column + element] +=
            factor * values[place.first + key, place.groupColumn + element]
        }
      }
    }
    return (out, logSums)
  }

  /// With P the weights, dP = keep · dout · v, dS = P (dP − Σ P dP) times the soft cap's slope.
  func gradients(
    _ dout: DoubleMatrix, queries: DoubleMatrix, keys: DoubleMatrix, values: DoubleMatrix
  ) -> Gradients {
    var result = Gradients(
      queries: DoubleMatrix(rows: queries.rows, columns: queries.columns),
      keys: DoubleMatrix(rows: keys.rows, columns: keys.columns),
      values: DoubleMatrix(rows: values.rows, columns: values.columns))
    forEachQuery(queries, keys) { place, weights in
      var pulls: [Double] = []
      for (key, weight) in zip(weights.keys, weights.probabilities) {
        let factor = keep(place.index, place.query, key)
        var dot = 0.0
        for element in 0..<shape.headWidth {
          let slope = dout[place.row, place.column + element]
          dot += slope * values[place.first + key, place.groupColumn + element]
          result.values[place.first + key, place.groupColumn + element] += weight * factor * slope
        }
        pulls.append(dot * factor)
      }
      let mean = zip(weights.probabilities, pulls).reduce(0) { $0 + $1.0 * $1.1 }
      for (index, key) in weights.keys.enumerated() {
        let slope =
          weights.probabilities[index] * (pulls[index] - mean) * weights.slopes[index]
          * Double(shape.scale)
        for element in 0..<shape.headWidth {
          let (query, other) = (place.column + element, place.groupColumn + element)
          result.queries[place.row, query] += slope * keys[place.first + key, other]
          result.keys[place.first + key, other] += slope * queries[place.row, query]
        }
      }
    }
    return result
  }

  private struct Place {
    let index: Int
    let query: Int
    /// The sequence's first row.
    let first: Int
    let column: Int
    let groupColumn: Int
    var row: Int { first + query }
  }

  private struct Weights {
    let keys: ClosedRange<Int>
    let probabilities: [Double]
    /// d(capped score)/d(score)
    let slopes: [Double]
    let logSum: Double
  }

  private func forEachQuery(
    _ queries: DoubleMatrix, _ keys: DoubleMatrix, _ body: (Place, Weights) -> Void
  ) {
    let group = shape.headCount / shape.keyValueHeadCount
    for index in 0..<sequences.count * shape.headCount {
      let head = index % shape.headCount
      for query in 0..<sequences.length {
        let place = Place(
          index: index, query: query, first: index / shape.headCount * sequences.length,
          column: head * shape.headWidth, groupColumn: head / group * shape.headWidth)
        body(place, weights(place, queries, keys))
      }
    }
  }

  private func weights(_ place: Place, _ queries: DoubleMatrix, _ keys: DoubleMatrix) -> Weights {
    let bound = sequences.firstVisible.map { Int($0[place.first + place.query]) } ?? 0
    let first = max(bound, shape.window.map { place.query - $0 + 1 } ?? 0)
    let cap = Double(shape.softCap)
    var scores: [Double] = []
    var slopes: [Double] = []
    for key in first...place.query {
      let dot = (0..<shape.headWidth).reduce(0.0) {
        $0 + queries[place.row, place.column + $1] * keys[place.first + key, place.groupColumn + $1]
      }
      let bent = cap > 0 ? tanh(dot * Double(shape.scale) / cap) : 0
      scores.append(cap > 0 ? cap * bent : dot * Double(shape.scale))
      slopes.append(1 - bent * bent)
    }
    let peak = scores.max() ?? 0
    let sum = scores.reduce(0) { $0 + exp($1 - peak) }
    return Weights(
      keys: first...place.query, probabilities: scores.map { exp($0 - peak) / sum },
      slopes: slopes, logSum: peak + log(sum))
  }
}

/// What dropout multiplies attention weights with, as the forward pass shows it: queries of zeros
/// weigh all t + 1 visible tokens alike, and values that are the unit matrix give the weights.
///
/// - Returns: a matrix `[T, T]` for each head of each sequence
func attentionKeepFactors(
  _ dropout: Dropout, sequences: SequenceShape, headCount: Int, in context: ComputeContext
) -> [DoubleMatrix] {
  let length = sequences.length
  let shape = AttentionShape(
    headCount: headCount, keyValueHeadCount: headCount, headWidth: length, scale: 1, softCap: 0,
    window: nil)
  let rows = sequences.count * length
  let zeros = Tensor(rows: rows, columns: headCount * length)
  let units = Tensor(rows: rows, columns: headCount * length)
  for row in 0..<rows {
    for head in 0..<headCount { units.row(row)[head * length + row % length] = 1 }
  }
  let out = Tensor(rows: rows, columns: headCount * length)
  attendSequences(
    queries: zeros, keys: zeros, values: units, sequences: sequences, shape: shape,
    dropout: dropout, into: out, logSums: nil, in: context)
  return (0..<sequences.count * headCount).map { index in
    var factors = DoubleMatrix(rows: length, columns: length)
    for query in 0..<length {
      let row = out.row(index / headCount * length + query) + index % headCount * length
      for key in 0..<length { factors[query, key] = Double(row[key]) * Double(query + 1) }
    }
    return factors
  }
}
