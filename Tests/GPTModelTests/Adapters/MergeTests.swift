import Foundation
import GPTModel
import GPTOps
import GPTTensor
import TestSupport
import Testing

@Suite struct MergeTests {
  enum Target: String, CaseIterable { case folder, gguf }

  @Test(arguments: GoldenAdapter.all, Target.allCases)
  func aMergedModelComputesWhatItsAdaptersDid(_ golden: GoldenAdapter, target: Target) throws {
    let expected = try golden.expectation()
    let base = "\(GoldenModel.fixtures)/\(golden.baseFile ?? expected.base)"
    try withTemporaryFolder { folder in
      let path = target == .folder ? folder + "/merged" : folder + "/merged.gguf"
      var source = try SourceModel.open(path: base)
      source.merge(try loadAdapters(expected.adapters, configuration: source.configuration))
      switch target {
      case .folder: try source.write(folder: path, type: .f32)
      case .gguf: try source.write(gguf: path, type: .f32)
      }
      let model = try openModel(path, adapters: [])
      let logits = try model.transformer.forward(
        expected.ids, cache: model.transformer.makeCache(), logits: .all)
      let difference = largestDifference(logits, expected.logits) / expected.range
      #expect(difference <= 1e-4, "\(golden): \(difference) of range")
    }
  }

  /// What no adapter touches keeps its bits.
  @Test func otherTensorsStayAsTheyAre() throws {
    let base = GoldenModel.folder("llama")
    var source = try SourceModel.open(path: base.path)
    let plain = try SourceModel.open(path: base.path)
    source.merge(
      try loadAdapters(
        [(GoldenAdapter.folder("llama-part"), 1)], configuration: source.configuration))
    var changed: [String] = []
    for name in source.parameterNames {
      let shape = try #require(source.shape(of: name))
      let values = [source, plain].map { model in
        let rows = Tensor(rows: shape.rows, columns: shape.columns)
        model.read(0..<shape.rows, of: name, into: rows.pointer, stride: rows.stride)
        return rows.values
      }
      if values[0] != values[1] { changed.append(name) }
    }
    #expect(changed.sorted() == ["blocks.1.query", "blocks.1.value"])
  }
}
