import CKernels
import GPTOps
import TestSupport
import Testing

@Suite struct StoredBlocksTests {
  private static func kernels(_ level: KernelLevel) throws -> gpt_kernels {
    let number: gpt_level =
      switch level {
      case .portable: GPT_LEVEL_PORTABLE
      case .avx2: GPT_LEVEL_AVX2
      case .avx512: GPT_LEVEL_AVX512
      case .amx: GPT_LEVEL_AMX
      }
    return try #require(gpt_kernels_of(number)).pointee
  }

  /// The same panel out of decoded codes, as other formats are packed.
  @Test(arguments: KernelLevel.available, [(4, 0), (8, 0x8080_8080)] as [(Int, UInt32)])
  func movedBlocksEqualDecodedOnes(_ level: KernelLevel, _ format: (bits: Int, flip: UInt32)) throws
  {
    let kernels = try Self.kernels(level)
    let length = 4 * format.bits
    var random = TestRandom(seed: 3)
    for blocks in [1, 2, 3, 4, 5, 7, 18] {
      // Rows of an odd length apart: they may begin anywhere.
      let rowBytes = blocks * (length + 2) + 1
      var stored = random.floats(16 * rowBytes).map { UInt8(truncatingIfNeeded: Int($0 * 1000)) }
      var codes = [UInt8](repeating: 0, count: 16 * 32 * blocks)
      var scales = [Float](repeating: 0, count: 16 * blocks)
      for row in 0..<16 {
        for block in 0..<blocks {
          let start = row * rowBytes + block * (length + 2)
          stored[start + 1] &= 0xbf  // no NaN, whose bits packing through fp32 may change
          scales[16 * block + row] = Float(
            Float16(bitPattern: UInt16(stored[start]) | UInt16(stored[start + 1]) << 8))
          for index in 0..<32 {
            let byte = stored[start + 2 + (format.bits == 8 ? index : index % 16)]
            codes[row * 32 * blocks + 32 * block + index] =
              format.bits == 8 ? byte ^ 0x80 : index < 16 ? byte & 15 : byte >> 4
          }
        }
      }
      let expected = packedPanel(
        gpt_quantised_format(bits: Int32(format.bits), sub_blocks: 1, affine: 0, zero: 0),
        codes: codes, scales: scales, minimums: scales, blocks: blocks,
        by: try Self.kernels(.portable))
      var packed = [UInt8](repeating: 0, count: 16 * (length + 2) * blocks)
      stored.withUnsafeBufferPointer { stored in
        let rows = (0..<16).map { row in stored.baseAddress.map { $0 + row * rowBytes } }
        kernels.pack_blocks(rows, Int32(format.bits), format.flip, Int32(blocks), &packed)
      }
      let isEqual = packed == expected
      #expect(isEqual, "\(blocks) blocks")
    }
  }
}
