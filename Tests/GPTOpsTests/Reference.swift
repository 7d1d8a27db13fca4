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
