import GPTOps
import GPTTensor
import TestSupport
import Testing

@Suite struct AttentionTests {
  static let cases = [
    AttentionCase(), AttentionCase(heads: 1, groups: 1, width: 1, tokens: 1),
    AttentionCase(tokens: 1, start: 63), AttentionCase(tokens: 70, start: 60),
    AttentionCase(heads: 6, groups: 2, width: 20, tokens: 33, start: 3),
    AttentionCase(heads: 9, groups: 3, width: 64, tokens: 130, start: 1),
    AttentionCase(heads: 9, groups: 3, width: 64, tokens: 1, start: 700),
    AttentionCase(heads: 4, groups: 4, width: 33, tokens: 3, start: 254),
    AttentionCase(heads: 5, groups: 1, width: 17, tokens: 8, start: 509),
    AttentionCase(tokens: 100, window: 7), AttentionCase(tokens: 40, start: 90, window: 65),
    AttentionCase(tokens: 2, start: 600, window: 300), AttentionCase(tokens: 20, softCap: 3),
    AttentionCase(width: 24, tokens: 1, start: 300, softCap: 3),
    AttentionCase(width: 24, tokens: 80, start: 17),
  ]

  @Test(arguments: KernelLevel.available, CacheType.allCases)
  func blockedAttentionEqualsTheDefinition(_ level: KernelLevel, _ type: CacheType) throws {
    let context = try ComputeContext(threadCount: 2, precision: .fp32, level: level)
    for test in Self.cases {
      let sequence = AttentionSequence(test, type: type)
      sequence.store(in: context)
      let difference = relativeDifference(
        sequence.attended(in: context), sequence.definition())
      // Queries in 16 bits beside keys in 8.
      #expect(difference < (type == .q8 ? 2e-4 : 1e-5), "\(test): \(difference)")
    }
  }

  /// Products of bf16: queries and weights are rounded to 8 bits of precision.
  @Test(arguments: KernelLevel.available, cases)
  func narrowAttentionIsNearTheDefinition(_ level: KernelLevel, _ test: AttentionCase) throws {
    let context = try ComputeContext(threadCount: 2, precision: .automatic, level: level)
    let sequence = AttentionSequence(test, type: .bf16)
    sequence.store(in: context)
    let difference = relativeDifference(sequence.attended(in: context), sequence.definition())
    #expect(difference < 1e-2, "\(test): \(difference)")
  }

  @Test(arguments: CacheType.allCases)
  func chunksOf64AndOf512AreBitEqual(_ type: CacheType) throws {
    let context = try ComputeContext(threadCount: 2, precision: .automatic)
    let test = AttentionCase(heads: 6, groups: 2, width: 20, tokens: 512, start: 64, window: 200)
    let sequence = AttentionSequence(test, type: type)
    sequence.store(in: context)
    let whole = sequence.attended(in: context).map(\.bitPattern)
    #expect(sequence.attended(chunk: 64, in: context).map(\.bitPattern) == whole)
  }

  /// What makes tokens that are verified together equal tokens decoded one by one.
  @Test(arguments: CacheType.allCases, [nil, 100, 300])
  func rowsOfFewTokensEqualThoseOfOne(_ type: CacheType, window: Int?) throws {
    let context = try ComputeContext(threadCount: 2, precision: .automatic)
    let test = AttentionCase(
      heads: 6, groups: 2, width: 20, tokens: 8, start: 508, window: window)
    let sequence = AttentionSequence(test, type: type)
    sequence.store(in: context)
    let together = sequence.attended(in: context).map(\.bitPattern)
    #expect(sequence.attended(chunk: 1, in: context).map(\.bitPattern) == together)
  }

  @Test(arguments: KernelLevel.available, CacheType.allCases)
  func aSequenceAloneAndInABatchOfEightIsBitEqualForAnyThreads(
    _ level: KernelLevel, _ type: CacheType
  ) throws {
    let sequences = (0..<8).map { index in
      AttentionSequence(
        AttentionCase(heads: 6, groups: 2, width: 40, tokens: 1, start: 97 * index), type: type,
        seed: UInt64(index))
    }
    let one = try ComputeContext(threadCount: 1, precision: .automatic, level: level)
    let two = try ComputeContext(threadCount: 2, precision: .automatic, level: level)
    for sequence in sequences { sequence.store(in: one) }
    let queries = Tensor(
      rows: 8, values: sequences.flatMap { $0.queries.values.suffix($0.queries.columns) })
    let out = Tensor(rows: 8, columns: queries.columns)
    attend(
      queries,
      sequences: sequences.enumerated().map { $1.cached(rows: $0..<$0 + 1, start: $1.test.start) },
      shape: sequences[0].test.shape, block: 1, layout: sequences[0].layout, into: out,
      scratch: Workspace(), in: two)
    let alone = sequences.flatMap { $0.attended(in: one) }
    #expect(out.values.map(\.bitPattern) == alone.map(\.bitPattern))
  }

  /// Where the portable kernels give a number the others do, and nowhere else.
  @Test(arguments: KernelLevel.available, CacheType.allCases)
  func whatIsNotFinitePassesAsInPortableKernels(_ level: KernelLevel, _ type: CacheType) throws {
    for (value, place) in [(Float.nan, 0), (.nan, 1), (.nan, 2), (.infinity, 1), (-.infinity, 2)] {
      let results = try [KernelLevel.portable, level].map { level in
        let context = try ComputeContext(threadCount: 1, precision: .fp32, level: level)
        let sequence = AttentionSequence(
          AttentionCase(heads: 4, groups: 2, width: 20, tokens: 2, start: 300), type: type)
        [sequence.queries, sequence.keys, sequence.values][place].row(300)[3] = value
        sequence.store(in: context)
        return sequence.attended(in: context)
      }
      #expect(results[0].map(\.isFinite) == results[1].map(\.isFinite))
      // 8 bits have no NaN.
      if type != .q8 {
        #expect(results[0].contains { !$0.isFinite }, "\(value) in \(place)")
      }
      #expect(results[0].contains { $0.isFinite }, "\(value) in \(place)")
    }
  }
}
