import GPTModel
import GPTOps
import Testing

@Suite("Precision of a run that leaves it open")
struct ProductPrecisionTests {
  @Test(
    "narrow models learn in fp32 on matrix units, and on nothing else",
    arguments: [
      (128, KernelLevel.amx, Precision.fp32), (255, .amx, .fp32), (256, .amx, .automatic),
      (384, .amx, .automatic), (128, .avx512, .automatic), (1, .avx2, .automatic),
      (1, .portable, .automatic),
    ])
  func followsWidthAndLevel(width: Int, level: KernelLevel, expected: Precision) throws {
    var configuration = try GoldenModel.folder("gpt2").open().configuration
    configuration.width = width
    #expect(configuration.trainingPrecision(at: level) == expected)
  }
}
