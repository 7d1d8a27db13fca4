import Foundation
import GPTTraining
import Testing

@Suite struct FolderStoreTests {
  private func store(
    _ folder: String, _ run: ToyRun, chosen: UsableCheckpoint? = nil
  ) throws -> FolderStore {
    FolderStore(
      folder: try RunFolder.create(folder, allowing: ["checkpoints"]),
      checkpoints: CheckpointStore(runFolder: folder, keepLast: 3), contents: run.contents,
      manifest: run.manifest, chosen: chosen)
  }

  @Test func goingBackRemovesLaterCheckpointsAndLeavesTheChosenOne() throws {
    let run = try ToyRun(seed: 3)
    try withTemporaryFolder { folder in
      let checkpoints = CheckpointStore(runFolder: folder, keepLast: 3)
      let paths = try [1, 2, 3].map {
        try checkpoints.save(ToyRun.state(step: $0), run.contents, manifest: run.manifest)
      }
      var before = stat()
      #expect(stat(paths[1], &before) == 0)
      let store = try store(folder, run, chosen: UsableCheckpoint(folder: paths[1]))
      #expect(try store.restore()?.step == 2)
      #expect(checkpoints.steps() == [1, 2])
      var after = stat()
      #expect(stat(paths[1], &after) == 0 && before.st_ino == after.st_ino)
      // A rollback goes back to the newest, not to the one chosen at the start.
      try store.save(ToyRun.state(step: 4))
      #expect(try store.restore()?.step == 4)
    }
  }

  @Test func aCopiedCheckpointBecomesTheFirstOfItsNewRun() throws {
    let run = try ToyRun(seed: 3)
    try withTemporaryFolder { folder in
      let old = try CheckpointStore(runFolder: folder, keepLast: 1)
        .save(ToyRun.state(step: 7), run.contents, manifest: run.manifest)
      let new = folder + "/new"
      let loaded = try ToyRun(seed: 0)
      let store = try store(new, loaded, chosen: UsableCheckpoint(folder: old))
      #expect(try store.restore() == ToyRun.state(step: 7))
      #expect(loaded.bits == run.bits)
      #expect(!store.hasModel)
      for name in try names(in: old) {
        let copy = "\(new)/checkpoints/step-00000007/\(name)"
        #expect(FileManager.default.contentsEqual(atPath: "\(old)/\(name)", andPath: copy))
      }
    }
  }

  @Test func aCheckpointIsFoundHereAndBesideTheChosenOne() throws {
    let run = try ToyRun(seed: 3)
    try withTemporaryFolder { folder in
      let old = CheckpointStore(runFolder: folder, keepLast: 2)
      try old.save(ToyRun.state(step: 5), run.contents, manifest: run.manifest)
      let bits = run.bits
      run.fill(seed: 7)
      let chosen = try old.save(ToyRun.state(step: 7), run.contents, manifest: run.manifest)
      let store = try store(folder + "/new", run, chosen: UsableCheckpoint(folder: chosen))
      _ = try store.restore()
      #expect(try store.load(step: 5))
      #expect(run.bits == bits)
      #expect(try store.load(step: 7))
      #expect(run.bits != bits)
      #expect(try !store.load(step: 6))
    }
  }

  @Test func aCheckpointOfAnotherRunIsTurnedAway() throws {
    var run = try ToyRun(seed: 3)
    try withTemporaryFolder { folder in
      try CheckpointStore(runFolder: folder, keepLast: 1)
        .save(ToyRun.state(step: 7), run.contents, manifest: run.manifest)
      run.manifest.hashes.corpus = "c1"
      let store = try store(folder, run)
      #expect(
        message { _ = try store.restore() }
          == "\(folder)/checkpoints/step-00000007/run.json: was started with corpus c0, expected "
          + "corpus c1 as the run was")
    }
  }
}
