import Foundation
import GPTTraining
import Testing

@Suite struct ModelHashTests {
  private func write(_ text: String, to path: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
  }

  @Test func ofAFolderWeightsAndWhatDescribesThemCount() throws {
    try withTemporaryFolder { folder in
      for name in ["model.safetensors", "config.json", "tokenizer.json", "README.md"] {
        try write(name, to: "\(folder)/\(name)")
      }
      let hash = try ModelHash.of(folder)
      #expect(hash.count == 64)
      try write("other", to: "\(folder)/README.md")
      try write("", to: "\(folder)/metrics.jsonl")
      #expect(try ModelHash.of(folder) == hash)
      var seen: Set = [hash]
      for name in ["model.safetensors", "config.json", "tokenizer.json"] {
        try write("other", to: "\(folder)/\(name)")
        #expect(seen.insert(try ModelHash.of(folder)).inserted, "\(name)")
      }
    }
  }

  /// By sha256sum of coreutils.
  @Test func ofAFileItIsTheSHA256AndTheSize() throws {
    try withTemporaryFolder { folder in
      try write("abc", to: "\(folder)/m.gguf")
      #expect(
        try ModelHash.of("\(folder)/m.gguf")
          == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad 3")
      #expect(
        message { _ = try ModelHash.of("\(folder)/none") }
          == "\(folder)/none: cannot open it: No such file or directory")
    }
  }
}
