import Foundation
import Glibc
import TestSupport
import Testing

/// A process that is killed, not a stand-in for one: `tools/soak-resume` does the same for longer.
@Suite struct KilledRunTests {
  @Test func aRunThatWasKilledAndResumedHasTheFilesOfOneThatWasNot() throws {
    let gpt = try #require(BuiltCommand(), "no gpt beside the test bundle")
    try withTemporaryFolder { folder in
      let text = (0..<600).map { "Line \($0) has \($0 * 7919 % 1000) words and no more.\n" }
      try text.joined().write(toFile: "\(folder)/text.txt", atomically: true, encoding: .utf8)
      try gpt.finish(arguments(folder, output: "alone"))

      let process = try gpt.start(arguments(folder, output: "killed"))
      let step = lastStep(reaching: 17, of: "\(folder)/killed", while: process)
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      try #require(
        process.terminationReason == .uncaughtSignal && process.terminationStatus == SIGKILL,
        "ended by itself at step \(step)")
      #expect((17..<40).contains(lastStep(of: "\(folder)/killed")))

      try gpt.finish(["pretrain", "--resume", "\(folder)/killed"])
      let alone = try contents(of: "\(folder)/alone")
      let killed = try contents(of: "\(folder)/killed")
      #expect(alone.keys.contains("checkpoints/step-00000040/optimizer.safetensors"))
      #expect(alone.keys.sorted() == killed.keys.sorted())
      #expect(alone.filter { killed[$0.key] != $0.value }.keys.sorted() == [])
      #expect(lastStep(of: "\(folder)/killed") == 40)
    }
  }

  private func arguments(_ folder: String, output: String) -> [String] {
    let model =
      "--tokenizer bytes --dedupe off --architecture llama --blocks 2 --heads 4 --width 48"
    let training =
      "--context-length 48 --batch-size 16 --accumulate 2 --dropout 0.1 --ema 0.95 --steps 40"
    let saving =
      "--log-every 1 --validate-every 12 --validation-batches 2 --checkpoint-every 5 --keep 2"
    let options = [model, training, saving, "--sample-every 0 --patience 0 --seed 7 --threads 1"]
    return ["pretrain", "\(folder)/text.txt", "--cache", "\(folder)/cache"]
      + ["--output", "\(folder)/\(output)"]
      + options.flatMap { $0.split(separator: " ").map(String.init) }
  }

  /// Waits until the run has logged a step, or has ended.
  private func lastStep(reaching step: Int, of run: String, while process: Process) -> Int {
    while process.isRunning, lastStep(of: run) < step { usleep(500) }
    return lastStep(of: run)
  }

  private func lastStep(of run: String) -> Int {
    let log = FileManager.default.contents(atPath: "\(run)/metrics.jsonl") ?? Data()
    let steps = String(decoding: log, as: UTF8.self).split(separator: "\n").compactMap { line in
      line.firstMatch(of: /^\{"step":([0-9]+),/).flatMap { Int($0.1) }
    }
    return steps.max() ?? 0
  }

  /// Every file of a run but the lock and those that say how long things took.
  private func contents(of run: String) throws -> [String: Data] {
    let ignored = ["run.lock", "metrics.jsonl", "report.html"]
    var result: [String: Data] = [:]
    for name in try FileManager.default.subpathsOfDirectory(atPath: run)
    where !ignored.contains(name) {
      var isFolder: ObjCBool = false
      _ = FileManager.default.fileExists(atPath: "\(run)/\(name)", isDirectory: &isFolder)
      if !isFolder.boolValue {
        result[name] = FileManager.default.contents(atPath: "\(run)/\(name)")
      }
    }
    return result
  }
}

/// The command as it was built with the tests: it lies beside their bundle.
private struct BuiltCommand {
  private let url: URL

  init?() {
    let maps = FileManager.default.contents(atPath: "/proc/self/maps") ?? Data()
    let bundle = String(decoding: maps, as: UTF8.self).split(separator: "\n").first {
      $0.hasSuffix(".xctest")
    }
    guard let bundle, let start = bundle.firstIndex(of: "/") else { return nil }
    url = URL(fileURLWithPath: String(bundle[start...])).deletingLastPathComponent()
      .appendingPathComponent("gpt")
    guard FileManager.default.isExecutableFile(atPath: url.path) else { return nil }
  }

  func start(_ arguments: [String]) throws -> Process {
    let process = Process()
    process.executableURL = url
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    return process
  }

  func finish(_ arguments: [String]) throws {
    let process = try start(arguments)
    process.waitUntilExit()
    try #require(process.terminationReason == .exit && process.terminationStatus == 0)
  }
}
