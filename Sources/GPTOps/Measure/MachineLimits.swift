/// What this machine gives at most, measured now: other figures are judged beside it.
package struct MachineLimits: Sendable {
  package let threadCount: Int
  /// Bytes a second that one thread reads from memory.
  package let readBandwidthOfOneThread: Double
  /// Bytes a second that all threads read.
  package let readBandwidth: Double
  /// Operations a second of a large product in fp32.
  package let fp32Peak: Double
  /// The same rounded to bf16; nil where there is no such kernel.
  package let bf16Peak: Double?
  /// Operations a second with rows of 16-bit integers and quantised weights; nil where other
  /// products are as fast.
  package let int16Peak: Double?
  /// Operations a second on 8-bit codes.
  package let int8Peak: Double

  /// Takes a second or two, and 256 MB to 1 GB of memory.
  ///
  /// - Parameter level: nil takes `GPT_KERNELS`, and without it the best the machine has.
  package static func measure(threadCount: Int, level: KernelLevel?) throws(ComputeError)
    -> MachineLimits
  {
    let wide = try ComputeContext(threadCount: threadCount, precision: .fp32, level: level)
    let narrow = try ComputeContext(threadCount: threadCount, precision: .bf16, level: level)
    let memory = ReadBandwidth()
    let bandwidth = memory.measure(in: wide)
    let alone =
      threadCount == 1
      ? bandwidth
      : memory.measure(
        in: try ComputeContext(threadCount: 1, precision: .fp32, level: level))
    return MachineLimits(
      threadCount: threadCount, readBandwidthOfOneThread: alone, readBandwidth: bandwidth,
      fp32Peak: measureMatrixPeak(in: wide),
      bf16Peak: narrow.multipliesNarrow ? measureMatrixPeak(in: narrow) : nil,
      int16Peak: narrow.multipliesInt16 ? measureInt16Peak(in: narrow) : nil,
      int8Peak: measureQuantisedPeak(in: narrow))
  }

  /// The fastest products that may be rounded as `precision` says.
  package func matrixPeak(_ precision: Precision) -> Double {
    precision == .fp32 ? fp32Peak : max(fp32Peak, bf16Peak ?? 0, int16Peak ?? 0)
  }
}
