import Foundation
import GPTModel
import GPTTensor
import GPTTraining
import Testing

@Suite struct SavedAdapterTests {
  private func saved(
    _ fixture: String, rank: Int = 3, targets: Set<AdapterTarget> = [.query, .value, .up],
    seed: UInt64 = 1
  ) throws -> SavedAdapter {
    var opening = ModelOptions()
    opening.threadCount = 1
    let base = try OpenedModel.open(path: "\(ToyRun.fixtures)/\(fixture)", options: opening)
    var options = AdapterOptions()
    (options.rank, options.targets) = (rank, targets)
    let adapter = Adapter(options: options, configuration: base.configuration, seed: seed)
    for (index, layer) in adapter.layers.enumerated() {
      layer.up.value.row(0)[0] = Float(index + 1) * 0.1
    }
    return SavedAdapter(adapter, base.configuration, baseName: fixture)
  }

  private func values(_ saved: SavedAdapter) -> [Float] {
    saved.parameters.flatMap { parameter in
      (0..<parameter.value.rows).flatMap { row in
        (0..<parameter.value.columns).map { parameter.value.row(row)[$0] }
      }
    }
  }

  @Test(arguments: ["gpt2", "llama", "llama.gguf"])
  func anAdapterComesBackBitForBit(fixture: String) throws {
    try withTemporaryFolder { folder in
      let first = try saved(fixture)
      try first.write(dtype: .f32, to: folder)
      #expect(try names(in: folder) == ["adapter_config.json", "adapter_model.safetensors"])
      let second = try saved(fixture, seed: 2)
      #expect(values(second) != values(first))
      try second.open(folder)()
      #expect(values(second) == values(first))
    }
  }

  @Test func anAdapterOfAnotherShapeIsRefusedAndNothingChanges() throws {
    try withTemporaryFolder { folder in
      try saved("llama").write(dtype: .f32, to: folder)
      let other = try saved("llama", rank: 4)
      let before = values(other)
      #expect(
        message { _ = try other.open(folder) }
          == "\(folder): an adapter of another shape, expected rank 4 for query of block 0, as "
          + "the run has it")
      #expect(values(other) == before)
      let more = try saved("llama", targets: [.query, .value, .up, .gate])
      #expect(
        message { _ = try more.open(folder) }
          == "\(folder): an adapter of another shape, expected rank 3 for gate of block 0, as "
          + "the run has it")
    }
  }

  @Test func aCheckpointOfAnAdapterNeedsItsFiles() throws {
    try withTemporaryFolder { folder in
      let contents = CheckpointContents(try saved("llama"), optimizerState: [])
      let run = try ToyRun(seed: 1)
      let path = try CheckpointStore(runFolder: folder, keepLast: 1)
        .save(ToyRun.state(step: 1), contents, manifest: run.manifest)
      let checkpoint = try UsableCheckpoint(folder: path)
      #expect(checkpoint.state == ToyRun.state(step: 1))
      #expect(contents.checkpointBytes < 40_000)
      try FileManager.default.removeItem(atPath: "\(path)/adapter_model.safetensors")
      #expect(
        message { _ = try UsableCheckpoint(folder: path) }
          .hasPrefix("\(path)/adapter_model.safetensors: is missing, expected a file of "))
    }
  }
}
