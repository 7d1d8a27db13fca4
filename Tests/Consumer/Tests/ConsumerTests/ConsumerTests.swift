import Consumer
import Foundation
import GPT
import Testing

/// A small model of the repository's fixtures.
enum Fixture {
  static let path = URL(filePath: #filePath)
    .deletingLastPathComponent().appending(path: "../../../Fixtures/models/llama")
    .standardizedFileURL.path

  static var exists: Bool {
    FileManager.default.fileExists(atPath: path + "/config.json")
  }
}

@Suite(.enabled(if: Fixture.exists, "Tests/Fixtures/models/llama is missing"))
struct StreamingTests {
  @Test func streamsFromAModelFolder() async throws {
    let model = try await LanguageModel(at: URL(filePath: Fixture.path))
    var options = GenerationOptions.greedy
    options.maximumTokens = 8
    options.ignoreEndOfSequence = true
    let stream = model.tokens(prompt: "Hello", options: options)
    var ids: [Int32] = []
    for try await token in stream { ids.append(token.id) }
    #expect(ids.count == 8)
    #expect(stream.result?.finishReason == .maximumTokens)
    #expect(
      try await story(modelPath: Fixture.path, beginning: "Hello", tokenCount: 8)
        == stream.result?.text)
  }

  @Test func cancellingStopsTheStream() async throws {
    let model = try await LanguageModel(at: Fixture.path)
    var options = GenerationOptions.greedy
    options.ignoreEndOfSequence = true
    options.contextShift = true
    let task = Task { [options] in
      var count = 0
      for try await _ in model.tokens(prompt: "Hello", options: options) {
        count += 1
        if count == 5 { withUnsafeCurrentTask { $0?.cancel() } }
      }
      return count
    }
    let error = await #expect(throws: LanguageModelError.self) { try await task.value }
    #expect(error == .cancelled)
  }

  @Test func aModelIsSharedByManyStreams() async throws {
    let model = try await LanguageModel(at: Fixture.path)
    var options = GenerationOptions()
    options.maximumTokens = 12
    options.seed = 3
    let alone = try await model.generate(prompt: "Hello", options: options)
    try await withThrowingTaskGroup(of: Generation.self) { [options] group in
      for _ in 0..<4 {
        group.addTask { try await model.generate(prompt: "Hello", options: options) }
      }
      for try await result in group { #expect(result.tokens == alone.tokens) }
    }
  }

  @Test(arguments: [1, 40, 1000])
  func aTruncatedWeightFileIsAnError(byteCount: Int) async throws {
    let folder = try TemporaryFolder()
    let names = try FileManager.default.contentsOfDirectory(atPath: Fixture.path)
    for name in names where name != "model.safetensors" {
      try FileManager.default.copyItem(
        atPath: "\(Fixture.path)/\(name)", toPath: "\(folder.path)/\(name)")
    }
    let weights = try Data(contentsOf: URL(filePath: Fixture.path + "/model.safetensors"))
    try weights.prefix(byteCount).write(to: URL(filePath: folder.path + "/model.safetensors"))
    await expectRefusal(of: folder.path)
  }
}

struct BadFileTests {
  @Test(
    arguments: [
      ("empty.gguf", []), ("magic.gguf", Array("GGUX".utf8)), ("short.gguf", Array("GGUF".utf8)),
      ("version.gguf", Array("GGUF".utf8) + [99, 0, 0, 0]),
      ("counts.gguf", Array("GGUF".utf8) + [3, 0, 0, 0] + [UInt8](repeating: 255, count: 16)),
      ("garbage.gguf", (0..<4096).map { UInt8(truncatingIfNeeded: $0 &* 167) }),
      ("weights.safetensors", Array("{}".utf8)), ("noname", Array("hello".utf8)),
    ] as [(String, [UInt8])])
  func aBadFileIsAnError(name: String, bytes: [UInt8]) async throws {
    let folder = try TemporaryFolder()
    let path = "\(folder.path)/\(name)"
    try Data(bytes).write(to: URL(filePath: path))
    await expectRefusal(of: path)
  }

  @Test(arguments: ["", "{", "[]", "{}", #"{"model_type": "gpt2"}"#, #"{"model_type": 7}"#])
  func aBadConfigurationIsAnError(text: String) async throws {
    let folder = try TemporaryFolder()
    try Data(text.utf8).write(to: URL(filePath: folder.path + "/config.json"))
    await expectRefusal(of: folder.path)
  }

  @Test func aMissingFileIsAnError() async { await expectRefusal(of: "/no/such/model.gguf") }

  @Test func anEmptyFolderIsAnError() async throws {
    let folder = try TemporaryFolder()
    await expectRefusal(of: folder.path)
  }

  @Test(.timeLimit(.minutes(1))) func aPipeIsAnError() async throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/pipe.gguf"
    try #require(mkfifo(path, 0o600) == 0)
    await expectRefusal(of: path)
  }

  @Test func aDeviceIsAnError() async { await expectRefusal(of: "/dev/zero") }

  @Test func aRemoteURLIsAnError() async throws {
    let url = try #require(URL(string: "https://example.org/model.gguf"))
    await #expect(throws: LanguageModelError.self) { try await LanguageModel(at: url) }
  }
}

func expectRefusal(of path: String, sourceLocation: SourceLocation = #_sourceLocation) async {
  let error = await #expect(throws: LanguageModelError.self, sourceLocation: sourceLocation) {
    try await LanguageModel(at: path)
  }
  let message = error?.description ?? ""
  #expect(!message.isEmpty && !message.contains("\n"), sourceLocation: sourceLocation)
}

/// A folder that is gone with its last reference.
final class TemporaryFolder {
  let path: String

  init() throws {
    path =
      FileManager.default.temporaryDirectory
      .appending(path: "gpt-consumer-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}
