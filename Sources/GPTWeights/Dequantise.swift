import GPTTensor

extension StoredTensor {
  /// All elements as fp32, rows densely one after the other.
  package func dequantised() -> [Float] {
    let count = elementCount
    return [Float](unsafeUninitializedCapacity: count) { buffer, initialised in
      if let base = buffer.baseAddress, count > 0 {
        dequantise(rows: 0..<rowCount, into: base, rowStride: columnCount)
      }
      initialised = count
    }
  }

  /// Writes rows as fp32, row `rows.lowerBound` at `destination`, the next `rowStride` floats on.
  package func dequantise(
    rows: Range<Int>, into destination: UnsafeMutablePointer<Float>, rowStride: Int
  ) {
    precondition(
      rows.lowerBound >= 0 && rows.upperBound <= rowCount && rowStride >= columnCount,
      "rows \(rows) with stride \(rowStride) of a tensor \(shape)")
    guard let base = bytes.baseAddress, !rows.isEmpty else { return }
    for row in rows {
      let source = base + row * rowBytes
      let target = destination + (row - rows.lowerBound) * rowStride
      dequantiseRow(source, target, count: columnCount)
    }
  }

  /// Writes a row as fp32 without making its pages resident: for rows that are looked up here and
  /// there.
  package func dequantise(row: Int, into destination: UnsafeMutablePointer<Float>) {
    precondition(row >= 0 && row < rowCount, "row \(row) of a tensor \(shape)")
    let stored = UnsafeRawBufferPointer(rebasing: bytes[row * rowBytes..<(row + 1) * rowBytes])
    withUnsafeTemporaryAllocation(byteCount: rowBytes, alignment: 16) { copy in
      guard let copied = copy.baseAddress else { return }
      file.copy(stored, to: copied)
      dequantiseRow(copied, destination, count: columnCount)
    }
  }

  /// Writes a column as fp32; of the plain float types only.
  package func dequantise(column: Int, into destination: UnsafeMutablePointer<Float>) {
    precondition(
      dtype.blockLength == 1 && column >= 0 && column < columnCount,
      "column \(column) of a tensor \(shape) of \(dtype.rawValue)")
    guard let base = bytes.baseAddress else { return }
    let width = dtype.blockBytes
    for row in 0..<rowCount {
      let source = base + row * rowBytes + column * width
      dequantiseRow(source, destination + row, count: 1)
    }
  }

  /// One dynamic choice a row; each case below is a loop specialised for its format.
  private func dequantiseRow(
    _ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>, count: Int
  ) {
    switch dtype {
    case .f32: UnsafeMutableRawPointer(target).copyMemory(from: source, byteCount: count * 4)
    case .f16: convertHalves(source, target, count: count)
    case .bf16: convertBrains(source, target, count: count)
    case .q8_0: convertBlocks(Q8_0.self, source, target, count: count)
    case .q4_0: convertBlocks(Q4_0.self, source, target, count: count)
    case .q4_1: convertBlocks(Q4_1.self, source, target, count: count)
    case .q5_0: convertBlocks(Q5_0.self, source, target, count: count)
    case .q5_1: convertBlocks(Q5_1.self, source, target, count: count)
    case .q2K: convertBlocks(Q2_K.self, source, target, count: count)
    case .q3K: convertBlocks(Q3_K.self, source, target, count: count)
    case .q4K: convertBlocks(Q4_K.self, source, target, count: count)
    case .q5K: convertBlocks(Q5_K.self, source, target, count: count)
    case .q6K: convertBlocks(Q6_K.self, source, target, count: count)
    }
  }
}

private func convertHalves(
  _ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>, count: Int
) {
  for index in 0..<count {
    target[index] = float(half: source.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self))
  }
}

private func convertBrains(
  _ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>, count: Int
) {
  for index in 0..<count {
    target[index] = float(brain: source.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self))
  }
}

/// The longest block, a K format's.
private let maximumBlockLength = 256

@inline(__always)
private func convertBlocks<Format: BlockFormat>(
  _: Format.Type, _ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>, count: Int
) {
  withUnsafeTemporaryAllocation(of: UInt8.self, capacity: maximumBlockLength) { codes in
    withUnsafeTemporaryAllocation(of: Float.self, capacity: maximumBlockLength / 8) { factors in
      guard let codes = codes.baseAddress, let scales = factors.baseAddress else { return }
      let minimums = scales + Format.subBlockCount
      for block in 0..<count / Format.blockLength {
        Format.decode(
          block: source + block * Format.blockBytes, codes: codes, scales: scales,
          minimums: minimums)
        expand(
          Format.self, codes, scales, minimums, target + block * Format.blockLength)
      }
    }
  }
}

@inline(__always)
private func expand<Format: BlockFormat>(
  _: Format.Type, _ codes: UnsafePointer<UInt8>, _ scales: UnsafePointer<Float>,
  _ minimums: UnsafePointer<Float>, _ target: UnsafeMutablePointer<Float>
) {
  let zero = Int32(Format.zero)
  for subBlock in 0..<Format.subBlockCount {
    let (scale, minimum) = (scales[subBlock], minimums[subBlock])
    let start = subBlock &* Format.subBlockLength
    for index in start..<start &+ Format.subBlockLength {
      let product = scale * Float(Int32(codes[index]) &- zero)
      target[index] = Format.hasMinimum ? product + minimum : product
    }
  }
}
