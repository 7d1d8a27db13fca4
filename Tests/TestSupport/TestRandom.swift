package import GPTTensor

/// A fixed sequence of numbers for tests (SplitMix64, Steele, Lea & Flood 2014).
package struct TestRandom {
  private var state: UInt64
  package init(seed: UInt64) { state = seed }

  package mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// Uniform in −1…1.
  package mutating func float() -> Float {
    Float(Int32(truncatingIfNeeded: next() >> 32)) / 0x8000_0000
  }

  package mutating func floats(_ count: Int) -> [Float] { (0..<count).map { _ in float() } }

  package mutating func tensor(rows: Int, columns: Int) -> Tensor {
    Tensor(rows: rows, values: floats(rows * columns))
  }
}

extension Tensor {
  package convenience init(rows: Int, values: [Float]) {
    self.init(rows: rows, columns: values.count / rows)
    for row in 0..<rows {
      for column in 0..<columns { self.row(row)[column] = values[row * columns + column] }
    }
  }

  package var values: [Float] {
    (0..<rows).flatMap { index in Array(UnsafeBufferPointer(start: row(index), count: columns)) }
  }
  package var paddingIsZero: Bool {
    (0..<rows).allSatisfy { index in (columns..<stride).allSatisfy { row(index)[$0] == 0 } }
  }
}
