import CKernels
import Testing

/// fp32 to bf16 has one rule, whichever function applies it and on whichever level.
@Suite struct RoundingTests {
  /// Every sign and exponent with mantissas around halves, ties and carries; infinities and NaNs
  /// with payloads from the smallest to all ones are among them.
  static let patterns: [UInt32] = {
    let mantissas: [UInt32] = [
      0, 1, 0x7fff, 0x8000, 0x8001, 0xffff, 0x10000, 0x17fff, 0x18000, 0x18001, 0x3f_ffff,
      0x40_0000, 0x40_0001, 0x7e_8000, 0x7f_7fff, 0x7f_8000, 0x7f_8001, 0x7f_ffff,
    ]
    return (0..<512).flatMap { signAndExponent in
      mantissas.map { UInt32(signAndExponent) << 23 | $0 }
    }
  }()

  /// The nearest of the two neighbours, the even one of a tie; a NaN with its upper half, made quiet.
  private static func expected(_ bits: UInt32) -> UInt16 {
    let lower = UInt16(bits >> 16)
    guard !Float(bitPattern: bits).isNaN else { return lower | 0x40 }
    let rest = bits & 0xffff
    let isUp = rest > 0x8000 || (rest == 0x8000 && lower % 2 == 1)
    return isUp ? lower + 1 : lower
  }

  private static var levels: [UnsafePointer<gpt_kernels>] {
    [GPT_LEVEL_PORTABLE, GPT_LEVEL_AVX2, GPT_LEVEL_AVX512, GPT_LEVEL_AMX].compactMap {
      gpt_kernels_of($0)
    }
  }

  private func differences(_ found: [UInt16]) -> [String] {
    zip(RoundingTests.patterns, found).filter { RoundingTests.expected($0) != $1 }.prefix(5).map {
      "\(String($0, radix: 16)) to \(String($1, radix: 16)), "
        + "expected \(String(RoundingTests.expected($0), radix: 16))"
    }
  }

  private var values: [Float] { RoundingTests.patterns.map { Float(bitPattern: $0) } }

  @Test(arguments: levels.indices, [1, 16, 29])
  func rowsRoundToNearestAndNaNStaysNaN(_ level: Int, _ width: Int) {
    let kernels = RoundingTests.levels[level]
    let values = values
    var found = [UInt16](repeating: 0, count: values.count)
    for start in stride(from: 0, to: values.count, by: width) {
      let count = min(width, values.count - start)
      values.withUnsafeBufferPointer { source in
        found.withUnsafeMutableBufferPointer { target in
          guard let source = source.baseAddress, let target = target.baseAddress else { return }
          kernels.pointee.to_bf16(source + start, target + start, count)
        }
      }
    }
    #expect(differences(found) == [])
  }

  /// Sixteen rows of 32 are 512 patterns; packed by rows, and turned, by columns.
  @Test(arguments: levels.indices, [true, false])
  func panelsRoundToNearestAndNaNStaysNaN(_ level: Int, _ byRows: Bool) {
    let kernels = RoundingTests.levels[level]
    let values = values
    var found = [UInt16](repeating: 0, count: values.count)
    var panel = [UInt16](repeating: 0, count: 512)
    for start in stride(from: 0, to: values.count, by: 512) {
      values.withUnsafeBufferPointer { source in
        guard let source = source.baseAddress else { return }
        if byRows {
          kernels.pointee.pack_rows_bf16(source + start, 32, 16, 32, &panel)
        } else {
          kernels.pointee.pack_columns_bf16(source + start, 16, 32, 1, &panel, 512)
        }
      }
      for index in 0..<512 {
        let (output, depth) =
          byRows ? (index / 32, index % 32) : (index % 16, index / 16)
        found[start + index] = panel[32 * (depth / 2) + 2 * output + depth % 2]
      }
    }
    #expect(differences(found) == [])
  }

  @Test func weightsArePackedByTheSameRule() {
    let values = values
    var found: [UInt16] = []
    var panel = [UInt16](repeating: 0, count: 512)
    for start in stride(from: 0, to: values.count, by: 512) {
      values.withUnsafeBufferPointer { source in
        guard let source = source.baseAddress else { return }
        gpt_pack_bf16(source + start, 32, 32, &panel)
      }
      for index in 0..<512 {
        found.append(panel[32 * (index % 32 / 2) + 2 * (index / 32) + index % 2])
      }
    }
    #expect(differences(found) == [])
  }
}
