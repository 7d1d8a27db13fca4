import Foundation
import GPTTensor
import GPTTraining
import GPTWeights
import Testing

@Suite struct CheckpointStoreTests {
  @Test func everythingComesBackBitEqual() throws {
    let saved = try ToyRun(seed: 12345)
    try withTemporaryFolder { run in
      let store = CheckpointStore(runFolder: run, keepLast: 2)
      let state = ToyRun.state(step: 500, bestStep: 250)
      let folder = try store.save(state, saved.contents, manifest: saved.manifest)
      #expect(folder == run + "/checkpoints/step-00000500")
      #expect(
        try names(in: folder) == [
          "config.json", "generation_config.json", "model.safetensors", "optimizer.safetensors",
          "run.json", "tokenizer.json", "tokenizer_config.json", "trainer_state.json",
        ])
      let loaded = try ToyRun(seed: 0)
      let selection = try store.newestUsable()
      try selection.checkpoint.load(into: loaded.contents)
      #expect(selection.checkpoint.state == state)
      #expect(selection.checkpoint.manifest == saved.manifest)
      #expect(selection.skipped.isEmpty)
      #expect(saved.bits == loaded.bits)
      #expect(loaded.bits.joined().contains { Float(bitPattern: $0).isNaN })
    }
  }

  @Test func theSameCheckpointHasTheSameBytes() throws {
    let run = try ToyRun(seed: 5)
    try withTemporaryFolder { one in
      try withTemporaryFolder { two in
        let folders = try [one, two].map {
          try CheckpointStore(runFolder: $0, keepLast: 1)
            .save(ToyRun.state(step: 1), run.contents, manifest: run.manifest)
        }
        for name in try names(in: folders[0]) {
          #expect(
            FileManager.default.contentsEqual(
              atPath: "\(folders[0])/\(name)", andPath: "\(folders[1])/\(name)"), "\(name)")
        }
      }
    }
  }

  @Test func theLastAndTheBestAreKept() throws {
    let run = try ToyRun(seed: 1)
    try withTemporaryFolder { folder in
      let store = CheckpointStore(runFolder: folder, keepLast: 2)
      for step in [100, 200, 300, 400, 500] {
        let best = step >= 200 ? 200 : 100
        try store.save(
          ToyRun.state(step: step, bestStep: best), run.contents, manifest: run.manifest)
      }
      #expect(store.steps() == [200, 400, 500])
      #expect(
        try names(in: folder + "/checkpoints")
          == ["step-00000200", "step-00000400", "step-00000500"])
    }
  }

  @Test func theCheckpointBeforeABestBetweenTwoIsKept() throws {
    let run = try ToyRun(seed: 1)
    try withTemporaryFolder { folder in
      let store = CheckpointStore(runFolder: folder, keepLast: 1)
      for step in [100, 200, 300, 400, 500] {
        try store.save(
          ToyRun.state(step: step, bestStep: step < 250 ? 50 : 250), run.contents,
          manifest: run.manifest)
      }
      #expect(store.steps() == [200, 500])
    }
  }

  @Test func savingAfterAReturnRemovesTheCourseThatWasGivenUp() throws {
    let run = try ToyRun(seed: 1)
    try withTemporaryFolder { folder in
      let store = CheckpointStore(runFolder: folder, keepLast: 2)
      for step in [100, 200, 300] {
        try store.save(ToyRun.state(step: step), run.contents, manifest: run.manifest)
      }
      try store.save(ToyRun.state(step: 250), run.contents, manifest: run.manifest)
      #expect(store.steps() == [200, 250])
    }
  }

  @Test func aCheckpointOfTheSameStepIsReplaced() throws {
    let (old, new) = (try ToyRun(seed: 1), try ToyRun(seed: 9))
    try withTemporaryFolder { folder in
      let store = CheckpointStore(runFolder: folder, keepLast: 1)
      try store.save(ToyRun.state(step: 7), old.contents, manifest: old.manifest)
      try store.save(ToyRun.state(step: 7), new.contents, manifest: new.manifest)
      try store.newestUsable().checkpoint.load(into: old.contents)
      #expect(old.bits == new.bits)
      #expect(try names(in: folder + "/checkpoints") == ["step-00000007"])
    }
  }

  @Test func unfinishedCheckpointsOfDeadProcessesAreNeitherUsedNorLeft() throws {
    let run = try ToyRun(seed: 1)
    try withTemporaryFolder { folder in
      let store = CheckpointStore(runFolder: folder, keepLast: 2)
      let whole = try store.save(ToyRun.state(step: 1), run.contents, manifest: run.manifest)
      let unfinished = [
        "step-00000002.partial", "step-00000001.replaced.partial", "step-00000000.removed.partial",
      ]
      for name in unfinished {
        try FileManager.default.copyItem(atPath: whole, toPath: "\(folder)/checkpoints/\(name)")
      }
      #expect(try store.newestUsable().checkpoint.state.step == 1)
      store.removeTemporaryFolders()
      #expect(try names(in: folder + "/checkpoints") == ["step-00000001"])
    }
  }

  @Test func aCheckpointThatWasBeingReplacedIsPutBack() throws {
    let run = try ToyRun(seed: 1)
    try withTemporaryFolder { folder in
      let store = CheckpointStore(runFolder: folder, keepLast: 1)
      let whole = try store.save(ToyRun.state(step: 1), run.contents, manifest: run.manifest)
      try FileManager.default.moveItem(atPath: whole, toPath: whole + ".replaced.partial")
      #expect(store.steps().isEmpty)
      store.removeTemporaryFolders()
      #expect(try store.newestUsable().checkpoint.state.step == 1)
      #expect(try names(in: folder + "/checkpoints") == ["step-00000001"])
    }
  }

  @Test func aDamagedCheckpointIsSkippedAndNamed() throws {
    let run = try ToyRun(seed: 1)
    try withTemporaryFolder { folder in
      let store = CheckpointStore(runFolder: folder, keepLast: 3)
      for step in [1, 2, 3] {
        try store.save(ToyRun.state(step: step), run.contents, manifest: run.manifest)
      }
      let newest = folder + "/checkpoints/step-00000003/optimizer.safetensors"
      let second = folder + "/checkpoints/step-00000002/model.safetensors"
      #expect(truncate(newest, 100) == 0)
      #expect(unlink(second) == 0)
      let selection = try store.newestUsable()
      #expect(selection.checkpoint.state.step == 1)
      #expect(
        selection.skipped.map(\.description).map { $0.prefix { $0 != "," } } == [
          "\(newest): has 100 bytes", "\(second): is missing",
        ])
    }
  }

  @Test func aRunWithoutAUsableCheckpointIsExplained() throws {
    let run = try ToyRun(seed: 1)
    try withTemporaryFolder { folder in
      let store = CheckpointStore(runFolder: folder, keepLast: 2)
      #expect(
        message { _ = try store.newestUsable() }
          == "\(folder): has no checkpoint, expected at least one to resume from")
      for step in [1, 2] {
        let path = try store.save(
          ToyRun.state(step: step), run.contents, manifest: run.manifest)
        try FileManager.default.removeItem(atPath: path + "/trainer_state.json")
      }
      let newest = folder + "/checkpoints/step-00000002"
      #expect(
        message { _ = try store.newestUsable() }
          == "\(folder): has 2 checkpoints, all damaged; of the newest, \(newest): has no "
          + "trainer_state.json, expected the folder of a checkpoint, expected one that is whole")
    }
  }

  /// What crashes, disks and people do to a file.
  enum Damage: CaseIterable {
    case missing, empty, lastByteMissing, half, zeros, zeroTail, flippedBit, trailing, folder
  }

  private func damage(_ path: String, _ damage: Damage) throws {
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    try FileManager.default.removeItem(atPath: path)
    switch damage {
    case .missing: return
    case .folder:
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
      return
    case .empty: bytes = []
    case .lastByteMissing: bytes.removeLast()
    case .half: bytes.removeLast(bytes.count / 2)
    case .zeros: bytes = [UInt8](repeating: 0, count: bytes.count)
    case .zeroTail:
      let count = min(512, bytes.count)
      bytes.replaceSubrange(
        (bytes.count - count)..., with: [UInt8](repeating: 0, count: count))
    case .flippedBit: bytes[bytes.count * 3 / 4] ^= 16
    case .trailing: bytes += [UInt8](repeating: 0x7f, count: 100)
    }
    try Data(bytes).write(to: URL(fileURLWithPath: path))
  }

  @Test(arguments: Damage.allCases)
  func damageToAnyFileIsFoundBeforeAnythingIsLoaded(_ kind: Damage) throws {
    let run = try ToyRun(seed: 77)
    try withTemporaryFolder { folder in
      let store = CheckpointStore(runFolder: folder, keepLast: 1)
      let whole = try store.save(ToyRun.state(step: 1), run.contents, manifest: run.manifest)
      for name in try names(in: whole) {
        let copy = "\(folder)/copy"
        try FileManager.default.copyItem(atPath: whole, toPath: copy)
        try damage("\(copy)/\(name)", kind)
        let found = message { _ = try UsableCheckpoint(folder: copy) }
        #expect(found.hasPrefix(copy), "\(name): \(found)")
        #expect(
          found.contains(name) && found.contains(":") && !found.contains("\n"),
          "\(name): \(found)")
        try FileManager.default.removeItem(atPath: copy)
      }
      try Data("half".utf8).write(to: URL(fileURLWithPath: whole + "/.tmp-12345"))
      #expect(try UsableCheckpoint(folder: whole).state.step == 1)
    }
  }

  @Test func filesOfTwoCheckpointsDoNotMix() throws {
    try withTemporaryFolder { folder in
      let store = CheckpointStore(runFolder: folder, keepLast: 2)
      let paths = try [UInt32(1), 2].map { seed in
        let run = try ToyRun(seed: seed)
        return try store.save(
          ToyRun.state(step: Int(seed)), run.contents, manifest: run.manifest)
      }
      let target = paths[0] + "/model.safetensors"
      try FileManager.default.removeItem(atPath: target)
      try FileManager.default.copyItem(atPath: paths[1] + "/model.safetensors", toPath: target)
      let found = message { _ = try UsableCheckpoint(folder: paths[0]) }
      #expect(found.hasPrefix("\(target): is damaged (XXH64 "))
    }
  }

  @Test func theCheckpointOfAnotherOptimizerOrModelChangesNothing() throws {
    let run = try ToyRun(seed: 3)
    try withTemporaryFolder { folder in
      let store = CheckpointStore(runFolder: folder, keepLast: 1)
      try store.save(ToyRun.state(step: 1), run.contents, manifest: run.manifest)
      let checkpoint = try store.newestUsable().checkpoint
      let others: [(ToyRun, String)] = [
        (
          try ToyRun(seed: 0, moments: ["momentum"]),
          "optimizer.safetensors: tensor 'tokenEmbedding.first' belongs to another optimizer, "
            + "expected the 104 tensors of this one"
        ),
        (
          try ToyRun(seed: 0, moments: ["first", "second", "third"]),
          "optimizer.safetensors: tensor 'tokenEmbedding.third' is missing"
        ),
        (
          try ToyRun(seed: 0, fixture: "gpt2-untied"),
          "config.json: n_embd is 48, expected 36"
        ),
      ]
      for (other, expected) in others {
        #expect(message { try checkpoint.load(into: other.contents) } == expected)
        #expect(other.bits.joined().allSatisfy { $0 == 0 })
      }
    }
  }

  @Test func aFailedSaveLeavesNothingOfItselfAndAllThatWasThere() throws {
    let run = try ToyRun(seed: 3)
    try withTemporaryFolder { folder in
      let store = CheckpointStore(runFolder: folder, keepLast: 1)
      try store.save(ToyRun.state(step: 1), run.contents, manifest: run.manifest)
      let obstacle = folder + "/checkpoints/step-00000002"
      try Data("x".utf8).write(to: URL(fileURLWithPath: obstacle))
      try Data("x".utf8).write(to: URL(fileURLWithPath: obstacle + ".replaced.partial"))
      #expect(
        message { try store.save(ToyRun.state(step: 2), run.contents, manifest: run.manifest) }
          == "\(obstacle).replaced.partial: cannot open it: Not a directory")
      #expect(
        try names(in: folder + "/checkpoints") == [
          "step-00000001", "step-00000002", "step-00000002.replaced.partial",
        ])
      #expect(try store.newestUsable().checkpoint.state.step == 1)
    }
  }

  @Test func theTokenizerIsTheOneOfTheStart() throws {
    try withTemporaryFolder { folder in
      let source = folder + "/corpus"
      let names = ["tokenizer.json", "tokenizer_config.json"]
      try FileManager.default.createDirectory(atPath: source, withIntermediateDirectories: false)
      for name in names {
        try FileManager.default.copyItem(
          atPath: "\(ToyRun.fixtures)/gpt2/\(name)", toPath: "\(source)/\(name)")
      }
      let run = try ToyRun(seed: 3, tokenizerFolder: source)
      let store = CheckpointStore(runFolder: folder, keepLast: 2)
      let first = try store.save(ToyRun.state(step: 1), run.contents, manifest: run.manifest)
      try FileManager.default.removeItem(atPath: source)
      let second = try store.save(ToyRun.state(step: 2), run.contents, manifest: run.manifest)
      for name in names + ["config.json"] {
        let paths = [first, second].map { "\($0)/\(name)" }
        #expect(FileManager.default.contentsEqual(atPath: paths[0], andPath: paths[1]))
      }
      let gone = message { _ = try ToyRun(seed: 3, tokenizerFolder: source) }
      #expect(gone.hasPrefix(source), "\(gone)")
    }
  }

  /// A file system of two megabytes; mounting it takes root.
  @Test(.enabled(if: getuid() == 0 && TinyDisk.canMount, "mounting a tmpfs takes root"))
  func aFullDiskLosesNothing() throws {
    let run = try ToyRun(seed: 3)
    try withTemporaryFolder { folder in
      let disk = try TinyDisk(at: folder, bytes: 2 << 20)
      defer { disk.unmount() }
      let store = CheckpointStore(runFolder: folder, keepLast: 3)
      let needed = message { try store.checkSpace(for: run.contents) }
      #expect(needed.hasPrefix("\(folder): has 2.0 MB of free space, expected "))
      var errors: [String] = []
      for step in 1...4 {
        let text = message {
          try store.save(ToyRun.state(step: step), run.contents, manifest: run.manifest)
        }
        if text != "no error" { errors.append(text) }
      }
      #expect(!errors.isEmpty)
      #expect(errors.allSatisfy { $0.contains("No space left on device") }, "\(errors)")
      let kept = store.steps()
      #expect(!kept.isEmpty)
      #expect(try store.newestUsable().skipped.isEmpty)
      #expect(try names(in: folder + "/checkpoints").count == kept.count)
    }
  }
}

/// A small file system in memory.
struct TinyDisk {
  let path: String

  static let canMount: Bool = {
    do {
      try withTemporaryFolder { try TinyDisk(at: $0, bytes: 1 << 16).unmount() }
      return true
    } catch { return false }
  }()

  init(at path: String, bytes: Int) throws {
    self.path = path
    guard mount("tmpfs", path, "tmpfs", 0, "size=\(bytes)") == 0 else {
      throw CocoaError(.fileWriteNoPermission)
    }
  }

  func unmount() { umount(path) }
}
