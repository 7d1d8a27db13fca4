extension Duration {
  var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}

extension [Double] {
  var median: Double {
    let sorted = sorted()
    guard !sorted.isEmpty else { return 0 }
    return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2
  }

  /// From least to most, as a share of the median.
  var spread: Double {
    guard let least = self.min(), let most = self.max(), median > 0 else { return 0 }
    return (most - least) / median
  }
}
