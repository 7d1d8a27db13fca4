import GPTModel
import GPTTensor
import GPTWeights
import TestSupport
import Testing

@Suite struct SourceModelTests {
  private static let paths = GoldenModel.files.flatMap {
    ["\(GoldenModel.fixtures)/\($0)", "\(GoldenModel.fixtures)/\($0).gguf"]
  }

  /// Folder and file hold the same numbers in different layouts.
  @Test(arguments: GoldenModel.files)
  func parametersOfFolderAndFileAreEqual(name: String) throws {
    let folder = try SourceModel.open(path: "\(GoldenModel.fixtures)/\(name)")
    let file = try SourceModel.open(path: "\(GoldenModel.fixtures)/\(name).gguf")
    #expect(Set(folder.parameterNames) == Set(file.parameterNames))
    for parameter in folder.parameterNames {
      #expect(try values(folder, parameter) == values(file, parameter), "\(parameter)")
    }
  }

  @Test func parametersHaveTheNamesAndShapesOfATrainedModel() throws {
    let source = try SourceModel.open(path: GoldenModel.folder("gpt2").path)
    let configuration = source.configuration
    let query = try #require(source.shape(of: "blocks.1.query"))
    #expect(query == (configuration.width, configuration.width))
    #expect(try #require(source.shape(of: "blocks.0.queryBias")) == (1, configuration.width))
    #expect(source.shape(of: "blocks.0.queryKeyValue") == nil)
    #expect(
      try #require(source.shape(of: "tokenEmbedding"))
        == (configuration.vocabularySize, configuration.width))
  }

  @Test(arguments: paths, [true, false])
  func adjustedRowsReachTheOutputAndOthersStay(path: String, toFile: Bool) throws {
    var source = try SourceModel.open(path: path)
    let before = try source.parameterNames.map { ($0, try values(source, $0)) }
    let changed = "blocks.1.query"
    let columns = try #require(source.shape(of: changed)).columns
    source.adjustedParameters = [changed]
    source.adjust = { _, rows, target, stride in
      for row in rows {
        for column in 0..<columns {
          target[(row - rows.lowerBound) * stride + column] = Float(row) + Float(column) / 64
        }
      }
    }
    try withTemporaryFolder { scratch in
      let target = scratch + (toFile ? "/m.gguf" : "/m")
      let pool = ThreadPool(threadCount: 2)
      if toFile {
        try source.write(gguf: target, type: .f32, pool: pool)
      } else {
        try source.write(folder: target, type: .f32, pool: pool)
      }
      let written = try SourceModel.open(path: target)
      for (name, values) in before {
        let found = try self.values(written, name)
        guard name == changed else {
          #expect(found == values, "\(name)")
          continue
        }
        let expected = (0..<found.count).map {
          (Float($0 / columns) + Float($0 % columns) / 64).bitPattern
        }
        #expect(found == expected)
      }
    }
  }

  @Test func aPathThatIsNoModelIsAnError() {
    #expect {
      _ = try SourceModel.open(path: "/nowhere/model.gguf")
    } throws: { error in
      "\(error)" == "/nowhere/model.gguf: cannot open it: No such file or directory"
    }
  }

  private func values(_ source: SourceModel, _ parameter: String) throws -> [UInt32] {
    let shape = try #require(source.shape(of: parameter))
    var result = [Float](repeating: .nan, count: shape.rows * shape.columns)
    source.read(0..<shape.rows, of: parameter, into: &result, stride: shape.columns)
    return result.map(\.bitPattern)
  }
}
