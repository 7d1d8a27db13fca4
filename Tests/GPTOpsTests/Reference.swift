/// Largest difference in parts of the largest magnitude expected; infinite when one is NaN.
func relativeDifference(_ found: [Float], _ expected: [Double]) -> Double {
  guard found.count == expected.count else { return .infinity }
  let scale = max(expected.map(abs).max() ?? 0, 1e-30)
  return zip(found, expected).reduce(0) { worst, pair in
    let difference = abs(Double(pair.0) - pair.1) / scale
    // A comparison with NaN is false: max would pass over it.
    return difference.isNaN ? .infinity : max(worst, difference)
  }
}

extension Float {
  /// The nearest bf16 number, ties to even.
  var roundedToBF16: Float {
    Float(bitPattern: (bitPattern + 0x7fff + (bitPattern >> 16 & 1)) & 0xffff_0000)
  }
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
