import GPTOps
import GPTTensor

/// A fixed sequence of numbers for tests (SplitMix64, Steele, Lea & Flood 2014).
struct TestRandom {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// Uniform in −1…1.
  mutating func float() -> Float { Float(Int32(truncatingIfNeeded: next() >> 32)) / 0x8000_0000 }

  mutating func floats(_ count: Int) -> [Float] { (0..<count).map { _ in float() } }

  mutating func tensor(rows: Int, columns: Int) -> Tensor {
    Tensor(rows: rows, values: floats(rows * columns))
  }
}

extension Tensor {
  convenience init(rows: Int, values: [Float]) {
    self.init(rows: rows, columns: values.count / rows)
    for row in 0..<rows {
      for column in 0..<columns { self.row(row)[column] = values[row * columns + column] }
    }
  }

  var values: [Float] {
    (0..<rows).flatMap { index in Array(UnsafeBufferPointer(start: row(index), count: columns)) }
  }
}

/// Largest difference in parts of the largest magnitude expected.
func relativeDifference(_ found: [Float], _ expected: [Double]) -> Double {
  guard found.count == expected.count else { return .infinity }
  let scale = max(expected.map(abs).max() ?? 0, 1e-30)
  return zip(found, expected).reduce(0) { max($0, abs(Double($1.0) - $1.1)) } / scale
}

/// y = x · wᵀ in double precision.
func product(_ x: [Float], rows: Int, _ weight: [Double], outputs: Int) -> [Double] {
  let inputs = x.count / rows
  return (0..<rows).flatMap { row in
    (0..<outputs).map { output in
      (0..<inputs).reduce(0.0) {
        $0 + Double(x[row * inputs + $1]) * weight[output * inputs + $1]
      }
    }
  }
}
