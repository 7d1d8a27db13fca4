import CKernels
import GPTOps
import GPTTensor
import Glibc
import Testing

@Suite struct MeasureTests {
  /// Small whole numbers: every order of adding them gives the same sum.
  @Test(arguments: KernelLevel.available, [0, 64, 128, 4096])
  func aReadTakesInEveryFloat(level: KernelLevel, count: Int) throws {
    let values = (0..<count).map { Float($0 % 101) }
    let sum = try values.withUnsafeBufferPointer { values in
      let kernels = try #require(gpt_kernels_of(level.kernelLevel))
      return kernels.pointee.sum(values.baseAddress, count)
    }
    #expect(sum == Float((0..<count).reduce(0) { $0 + $1 % 101 }))
  }

  @Test(arguments: KernelLevel.available)
  func peaksAndBandwidthAreMeasuredOnEveryLevel(level: KernelLevel) throws {
    let wide = try ComputeContext(threadCount: 2, precision: .fp32, level: level)
    let narrow = try ComputeContext(threadCount: 2, precision: .bf16, level: level)
    for figure in [
      ReadBandwidth(byteCount: 1).measure(in: wide), measureMatrixPeak(in: wide),
      measureMatrixPeak(in: narrow), measureQuantisedPeak(in: narrow),
    ] {
      #expect(figure.isFinite && figure > 1e6, "\(figure)")
    }
  }

  /// Memory that was never written is read as one page of zeros, far faster than any memory.
  @Test func whatIsReadIsResident() throws {
    let memory = ReadBandwidth(byteCount: 16 << 20)
    var pages = [UInt8](repeating: 0, count: (16 << 20) / Int(sysconf(Int32(_SC_PAGESIZE))))
    let failed = mincore(
      UnsafeMutableRawPointer(mutating: memory.memory.baseAddress), 16 << 20, &pages)
    #expect(failed == 0 && pages.allSatisfy { $0 & 1 == 1 })
  }

  @Test func aPrecisionMayOnlyUseProductsThatRoundNoFurther() throws {
    let limits = try MachineLimits.measure(threadCount: 1, level: nil)
    #expect(limits.matrixPeak(.fp32) == limits.fp32Peak)
    #expect(
      limits.matrixPeak(.automatic)
        == max(limits.fp32Peak, limits.bf16Peak ?? 0, limits.int16Peak ?? 0))
    #expect(limits.bf16Peak == nil || limits.int16Peak == nil)
    #expect(limits.readBandwidth == limits.readBandwidthOfOneThread)
  }
}

extension KernelLevel {
  fileprivate var kernelLevel: gpt_level {
    switch self {
    case .portable: GPT_LEVEL_PORTABLE
    case .avx2: GPT_LEVEL_AVX2
    case .avx512: GPT_LEVEL_AVX512
    case .amx: GPT_LEVEL_AMX
    }
  }
}
