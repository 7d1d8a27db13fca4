import Foundation
import GPTTraining
import Testing

@Suite struct ResumePointTests {
  /// "run F", "step N of F" or "step N", with paths in `folder`.
  private func describe(_ path: String, in folder: String) throws -> String {
    switch try ResumePoint(at: path) {
    case .run(let run): "run \(run)".replacingOccurrences(of: folder, with: "F")
    case .checkpoint(let checkpoint, let run):
      "step \(checkpoint.state.step)"
        + (run.map { " of \($0)" } ?? "").replacingOccurrences(of: folder, with: "F")
    }
  }

  @Test func aRunACheckpointAndACopyAreToldApart() throws {
    let run = try ToyRun(seed: 3)
    try withTemporaryFolder { folder in
      #expect(try describe(folder, in: folder) == "run F")
      try run.manifest.write(to: folder + "/run.json")
      let store = CheckpointStore(runFolder: folder, keepLast: 2)
      let first = try store.save(ToyRun.state(step: 1), run.contents, manifest: run.manifest)
      for (path, expected) in [
        (folder, "run F"), (folder + "//", "run F"), (first, "step 1 of F"),
        (first + "/", "step 1 of F"),
      ] {
        #expect(try describe(path, in: folder) == expected)
      }
      let copy = folder + "/copy"
      try FileManager.default.copyItem(atPath: first, toPath: copy)
      #expect(try describe(copy, in: folder) == "step 1")
      try FileManager.default.createSymbolicLink(
        atPath: folder + "/link", withDestinationPath: first)
      #expect(try describe(folder + "/link", in: folder) == "step 1 of F")
      try FileManager.default.removeItem(atPath: copy + "/trainer_state.json")
      #expect(
        message { _ = try ResumePoint(at: copy) }
          == "\(copy): has no trainer_state.json, expected the folder of a checkpoint")
    }
  }
}
