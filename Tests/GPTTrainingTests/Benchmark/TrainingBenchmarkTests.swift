import GPTModel
import GPTTensor
import GPTTraining
import Testing

@Suite struct TrainingBenchmarkTests {
  private func open(_ file: String) throws -> OpenedModel {
    var options = ModelOptions()
    options.threadCount = 1
    return try OpenedModel.open(path: "\(ToyRun.fixtures)/\(file)", options: options)
  }

  @Test(arguments: ["llama.gguf", "gpt2.gguf"])
  func finetuningStepsTrainTheAdapterAloneWithoutNewMemory(file: String) throws {
    let model = try open(file)
    var adapter = AdapterOptions()
    adapter.rank = 3
    let benchmark = try TrainingBenchmark(
      adapting: model, adapter: adapter, length: 7, sequenceCount: 2)
    let result = try benchmark.run(steps: 3)
    let parameters = Adapter(options: adapter, configuration: model.configuration, seed: 1)
      .parameters.reduce(0) { $0 + $1.elementCount }
    #expect(result.parameterCount == parameters)
    #expect(result.lastLoss < result.firstLoss)
    // Other tests make buffers at the same time; steps that make any never leave the count alone.
    let isStill =
      try result.buffersAfterFirstStep == 0
      || (0..<50).contains { _ in try benchmark.run(steps: 3).buffersAfterFirstStep == 0 }
    #expect(isStill)
  }

  @Test func sequencesLongerThanTheContextAreTurnedAway() throws {
    let model = try open("llama.gguf")
    let length = model.configuration.contextLength + 1
    #expect(
      throws: ModelError.contextExceeded(tokenCount: length, contextLength: length - 1)
    ) {
      try TrainingBenchmark(
        adapting: model, adapter: AdapterOptions(), length: length, sequenceCount: 1)
    }
  }
}
