import GPTOps
import GPTTensor
import TestSupport
import Testing

@Suite struct DropoutTests {
  private func ones(rows: Int, columns: Int) -> Tensor {
    Tensor(rows: rows, values: [Float](repeating: 1, count: rows * columns))
  }

  private func dropped(
    _ x: Tensor, _ dropout: Dropout, _ level: KernelLevel = .best, threads: Int = 2
  ) throws -> Tensor {
    let y = Tensor(rows: x.rows, columns: x.columns)
    let context = try ComputeContext(threadCount: threads, precision: .fp32, level: level)
    drop(x, dropout, into: y, in: context)
    return y
  }

  @Test(arguments: KernelLevel.available, [Float(0.05), 0.3, 0.9])
  func aShareOfTheElementsIsZeroAndTheRestScaled(_ level: KernelLevel, _ share: Float) throws {
    let dropout = Dropout(probability: share, key: Dropout.key(4, 2))
    let y = try dropped(ones(rows: 300, columns: 203), dropout, level)
    let kept = y.values.filter { $0 != 0 }
    // 60,900 elements: four standard deviations are at most 0.0075.
    #expect(abs(1 - Double(kept.count) / 60_900 - Double(share)) < 0.0075)
    #expect(kept.allSatisfy { abs(Double($0) * (1 - Double(share)) - 1) < 1e-6 })
    #expect(y.paddingIsZero)
  }

  @Test(arguments: KernelLevel.available, [1, 2])
  func everyLevelAndThreadCountDropsTheSame(_ level: KernelLevel, _ threads: Int) throws {
    var random = TestRandom(seed: 9)
    let x = random.tensor(rows: 37, columns: 19)
    let dropout = Dropout(probability: 0.4, key: 99)
    let expected = try dropped(x, dropout, .portable, threads: 1)
    #expect(try dropped(x, dropout, level, threads: threads).values == expected.values)
  }

  /// Backward is the same function: what is dropped is dropped again, in place too.
  @Test(arguments: KernelLevel.available)
  func dropIsLinearWithOneMask(_ level: KernelLevel) throws {
    var random = TestRandom(seed: 9)
    let x = random.tensor(rows: 37, columns: 19)
    let dropout = Dropout(probability: 0.4, key: 99)
    let mask = try dropped(ones(rows: 37, columns: 19), dropout, level).values
    let context = try ComputeContext(threadCount: 2, precision: .fp32, level: level)
    let expected = zip(x.values, mask).map { $0 * $1 }
    drop(x, dropout, into: x, in: context)
    #expect(x.values == expected)
  }

  @Test func noProbabilityKeepsEverything() throws {
    var random = TestRandom(seed: 9)
    let x = random.tensor(rows: 37, columns: 19)
    #expect(try dropped(x, Dropout(probability: 0, key: 99)).values == x.values)
  }

  /// Layers, steps and sequences must not drop together: half times half of the elements stay.
  @Test(arguments: [(0, 1), (1, 2), (-1, 0), (6, 90)])
  func masksOfNeighbouringKeysAreIndependent(_ first: Int, _ second: Int) throws {
    let x = ones(rows: 300, columns: 203)
    let masks = try [first, second].map {
      try dropped(x, Dropout(probability: 0.5, key: Dropout.key(7, $0))).values
    }
    let both = zip(masks[0], masks[1]).filter { $0 != 0 && $1 != 0 }.count
    #expect(abs(Double(both) / 60_900 - 0.25) < 0.008)
  }

  @Test func rowsDropDifferentColumns() throws {
    let y = try dropped(ones(rows: 2, columns: 4096), Dropout(probability: 0.5, key: 5))
    let both = zip(y.values[..<4096], y.values[4096...]).filter { $0 != 0 && $1 != 0 }.count
    #expect(abs(Double(both) / 4096 - 0.25) < 0.03)
  }
}
