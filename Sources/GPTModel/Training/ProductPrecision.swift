package import GPTOps

extension ModelConfiguration {
  /// Below this width a step spends more on rounding operands and filling tiles than matrix units
  /// save: nanoGPT's CPU recipe (width 128, 768 tokens a step) is faster in fp32 on the reference
  /// machine, its `baby` shape (width 384) in bf16.
  private static let leastWidthOfTiles = 256

  /// What `automatic` means when all of a model of this shape learns.
  ///
  /// A rule and no stopwatch, so that a run's numbers follow from its options and the machine's kind.
  /// Without matrix units bf16 costs nothing extra: on AVX512-BF16 that recipe takes 2.6 s of CPU
  /// time in bf16 and 3.9 s in fp32.
  package func trainingPrecision(at level: KernelLevel) -> Precision {
    level == .amx && width < ModelConfiguration.leastWidthOfTiles ? .fp32 : .automatic
  }
}
