import Foundation
import GPTJSON
import GPTModel
import GPTTensor
import GPTTraining
import Testing

@Suite struct RunResumeTests {
  /// What is on the disk while a run is at work is what a kill -9 leaves, so a copy of it, made in
  /// the middle of a run, stands for the killed run.
  @Test(
    arguments: [
      SmallRun(kind: .whole(.gpt2)), SmallRun(kind: .whole(.gpt2), optimizer: .muon),
      SmallRun(kind: .whole(.llama)), SmallRun(kind: .whole(.llama), optimizer: .muon),
      SmallRun(kind: .adapter("gpt2")), SmallRun(kind: .adapter("llama.gguf")),
      SmallRun(kind: .lastBlock("llama")),
    ])
  func aRunThatWasKilledGoesOnToTheSameBytes(small: SmallRun) throws {
    try withTemporaryFolder { folder in
      let (whole, killed) = ("\(folder)/whole", "\(folder)/killed")
      try FileManager.default.createDirectory(
        atPath: whole, withIntermediateDirectories: false)
      var copied = false
      try small.run(in: whole) { event in
        guard case .step(let progress) = event, progress.step == 17 else { return }
        copied = (try? FileManager.default.copyItem(atPath: whole, toPath: killed)) != nil
      }
      try #require(copied)
      var resumedAt: Int?
      try small.run(in: killed) { event in
        if case .began(let state, resumed: true) = event { resumedAt = state.step }
      }
      #expect(resumedAt == 12)
      let files = try contents(of: whole)
      #expect(files.keys.contains("checkpoints/step-00000040/optimizer.safetensors"))
      let weights = if case .adapter = small.kind { "adapter_model" } else { "model" }
      #expect(files.keys.contains("\(weights).safetensors"))
      #expect(try contents(of: killed) == files)
    }
  }

  /// The bytes of all files by path; of the metrics, what does not tell the time.
  private func contents(of folder: String) throws -> [String: [UInt8]] {
    var result: [String: [UInt8]] = [:]
    for name in try FileManager.default.subpathsOfDirectory(atPath: folder) {
      var isFolder: ObjCBool = false
      let path = "\(folder)/\(name)"
      guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder),
        !isFolder.boolValue
      else { continue }
      if name == "metrics.jsonl" {
        let lines = try MetricsLog(path: path).records.map { record in
          var record = record
          (record.seconds, record.tokensPerSecond) = (nil, nil)
          return record.json.encoded()
        }
        result[name] = Array(lines.joined(separator: "\n").utf8)
      } else {
        result[name] = try readSmallFile(path: path, limit: 1 << 24)
      }
    }
    return result
  }
}
