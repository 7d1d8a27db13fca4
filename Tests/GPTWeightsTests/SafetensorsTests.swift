import GPTTensor
import GPTWeights
import Testing

@Suite struct SafetensorsTests {
  @Test func readsNamesShapesAndData() throws {
    let folder = TemporaryFolder()
    let values: [Float] = [1, -2, 3.5, 0.25]
    let header = """
      {"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[2,1],"data_offsets":[8,16]},\
      "a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},\
      "none":{"dtype":"F32","shape":[0,3],"data_offsets":[16,16]}}
      """
    folder.write("model.safetensors", file(header, values.flatMap { $0.bitPattern.bytes }))
    let source = try openSafetensors(folder: folder.path)
    #expect(source.tensorNames == ["b", "a", "none"])
    let tensor = try source.required("b", shape: [2, 1])
    #expect(tensor.dequantised() == [3.5, 0.25])
    #expect((tensor.dtype, tensor.rowCount, tensor.columnCount) == (.f32, 2, 1))
    #expect(try source.required("a").dequantised() == [1, -2])
    #expect(try source.required("none").dequantised().isEmpty)
    #expect(source.tensor(named: "c") == nil)
    let metadata = try SafetensorsFile(path: folder.path + "/model.safetensors").metadata
    #expect(metadata == ["format": "pt"])
  }

  @Test func aTensorOfAnUnsupportedTypeIsSkippedUntilAsked() throws {
    let folder = TemporaryFolder()
    let header = #"{"ids":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}"#
    folder.write("model.safetensors", file(header, [UInt8](repeating: 0, count: 8)))
    let source = try openSafetensors(folder: folder.path)
    #expect(source.contains("ids") && source.unsupportedType(of: "ids") == "I64")
    let message = message { _ = try source.required("ids") }
    #expect(
      message
        == "model.safetensors: tensor 'ids' has type I64, expected one of F32, F16, BF16, Q8_0, "
        + "Q4_0, Q4_1, Q5_0, Q5_1, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K")
  }

  @Test func wrongAndMissingTensorsAreNamed() throws {
    let folder = TemporaryFolder()
    let header = #"{"w":{"dtype":"F16","shape":[2,2],"data_offsets":[0,8]}}"#
    folder.write("model.safetensors", file(header, [UInt8](repeating: 0, count: 8)))
    let source = try openSafetensors(folder: folder.path)
    #expect(
      message {
        _ = try source.required("w", shape: [2, 6], reason: "3 × n_embd from config.json")
      }
        == "model.safetensors: tensor 'w' is [2, 2], expected [2, 6] (3 × n_embd from config.json)")
    #expect(
      message { _ = try source.required("v") } == "model.safetensors: tensor 'v' is missing")
  }

  /// A header for eight bytes of data, and the message it earns.
  static let badHeaders: [(String, String)] = [
    (
      entry(dtype: #""F7""#),
      "tensor 'w' has dtype 'F7', expected a dtype of the safetensors format, such as F32, F16 "
        + "or BF16"
    ),
    (entry(dtype: "null"), "tensor 'w' has null as dtype, expected a string"),
    (entry(shape: "null"), "tensor 'w' has null as shape, expected an array"),
    (
      entry(shape: "[-1,2]"),
      "tensor 'w' has -1 as a dimension, expected an integer from 0 to 2^63 - 1"
    ),
    (
      entry(shape: "[4294967296,4294967296]"),
      "tensor 'w' is [4294967296, 4294967296], expected fewer than 2^63 elements"
    ),
    (
      entry(shape: "[4611686018427387904]"),
      "tensor 'w' has 8 bytes of data, expected more than 2^63 bits for shape "
        + "[4611686018427387904]"
    ),
    (entry(shape: "[3]"), "tensor 'w' has 8 bytes of data, expected 96 bits for shape [3]"),
    (entry(shape: "[1,1,1,1,1,1,1,1,2]"), "tensor 'w' has 9 dimensions, expected at most 8"),
    (
      entry(offsets: "[0,16]"),
      "tensor 'w' has data_offsets [0, 16], expected begin ≤ end ≤ 8, the bytes of data in the file"
    ),
    (
      entry(offsets: "[8,0]"),
      "tensor 'w' has data_offsets [8, 0], expected begin ≤ end ≤ 8, the bytes of data in the file"
    ),
    (entry(offsets: "[0]"), "tensor 'w' has [0] as data_offsets, expected two integers"),
    (
      entry(shape: "[1]", offsets: "[4,8]"),
      "tensor 'w' at data offset 4 follows a hole, expected offset 0"
    ),
    (
      entry(shape: "[1]", offsets: "[0,4]"),
      "the data has 8 bytes, expected 4, where the last tensor ends"
    ),
    (
      #"{"v":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"# + entry().dropFirst(),
      "tensor 'w' at data offset 0 overlaps the tensor before it, expected offset 8"
    ),
    (
      entry().dropLast() + "," + entry().dropFirst(),
      #"header, byte 54: key "w" stands twice in "#
        + "one object"
    ),
    (#"{"__metadata__":{"a":1}}"#, "__metadata__ key 'a' is a number, expected a string"),
    (
      #"{"a\u001b[2J":{}}"#,
      "tensor 'a\\u{1b}[2J' has a control character in its name, expected a printable name"
    ),
    (#"{"w":[[[[[1]]]]]}"#, "header, byte 8: JSON nested deeper than 4 levels"),
    (#"{"w":5}"#, "tensor 'w' is a number, expected an object"),
  ]

  @Test(arguments: badHeaders)
  func aBadHeaderIsExplained(header: String, expected: String) throws {
    let folder = TemporaryFolder()
    let path = folder.write("model.safetensors", file(header, [UInt8](repeating: 0, count: 8)))
    let found = message { _ = try SafetensorsFile(path: path) }
    #expect(found == "model.safetensors: " + expected)
  }

  static let notSafetensors: [([UInt8], String)] = [
    (Array("abc".utf8), "the file ends after 3 bytes, expected a header length of 8 bytes"),
    (
      UInt64.max.bytes + [UInt8](repeating: 1, count: 8),
      "the header says it has 18446744073709551615 bytes, expected 2 to 8"
    ),
    (
      Array("version https://git-lfs.github.com/spec/v1\n".utf8),
      "is a Git LFS pointer, expected a safetensors file; fetch the real file with 'git lfs pull'"
    ),
    (Array("GGUF".utf8) + [3, 0, 0, 0], "is a GGUF file, expected a safetensors file"),
    (
      [0x50, 0x4b, 3, 4, 0, 0, 8, 8, 0, 0],
      "is a zip archive, as PyTorch saves, expected a safetensors file; convert it to safetensors"
    ),
    (
      Array("<!DOCTYPE html><html>".utf8),
      "is a web page, expected a safetensors file; the download failed; fetch the file again"
    ),
    ([UInt8](repeating: 0, count: 64), "is zero bytes, expected a safetensors file"),
    (UInt64(2).bytes + Array(" {}".utf8), "the header begins with byte 0x20, expected '{'"),
  ]

  @Test(arguments: notSafetensors)
  func anotherKindOfFileIsNamed(bytes: [UInt8], expected: String) {
    let folder = TemporaryFolder()
    let path = folder.write("model.safetensors", bytes)
    #expect(
      message { _ = try SafetensorsFile(path: path) } == "model.safetensors: " + expected)
  }

  @Test func shardsAreOneSource() throws {
    let folder = TemporaryFolder()
    let one = [Float(1).bitPattern, Float(2).bitPattern].flatMap(\.bytes)
    folder.write("a.safetensors", file(Self.entry(), one))
    folder.write("b.safetensors", file(Self.entry(name: "v"), one))
    folder.write(
      "model.safetensors.index.json",
      Array(#"{"weight_map":{"v":"b.safetensors","w":"a.safetensors"}}"#.utf8))
    let source = try openSafetensors(folder: folder.path)
    #expect(source.tensorNames == ["v", "w"])
    #expect(try source.required("v").location == "b.safetensors")
    #expect(try source.required("w").dequantised() == [1, 2])
  }

  static let badIndices: [(String, String)] = [
    ("{}", "weight_map is missing"),
    (#"{"weight_map":[]}"#, "weight_map is an array, expected an object"),
    (#"{"weight_map":{}}"#, "weight_map is empty, expected at least one tensor"),
    (
      #"{"weight_map":{"w":"../a.safetensors"}}"#,
      "the file of tensor 'w' is '../a.safetensors', expected the name of a .safetensors file in "
        + "the same folder"
    ),
    (
      #"{"weight_map":{"x":"a.safetensors"}}"#,
      "tensor 'x' is not in 'a.safetensors', expected it there, as weight_map says"
    ),
    ("", "index, byte 0: found the end of the text, expected a value"),
  ]

  @Test(arguments: badIndices)
  func aBadIndexIsExplained(index: String, expected: String) {
    let folder = TemporaryFolder()
    folder.write("a.safetensors", file(Self.entry(), [UInt8](repeating: 0, count: 8)))
    folder.write("model.safetensors.index.json", Array(index.utf8))
    #expect(
      message { _ = try openSafetensors(folder: folder.path) }
        == "model.safetensors.index.json: " + expected)
  }

  @Test func aFolderWithoutSafetensorsIsExplained() {
    let folder = TemporaryFolder()
    #expect(
      message { _ = try openSafetensors(folder: folder.path) }
        == "\(folder.path): has no weights, expected model.safetensors or "
        + "model.safetensors.index.json")
    folder.write("pytorch_model.bin", [0x80, 2])
    #expect(
      message { _ = try openSafetensors(folder: folder.path) }
        == "\(folder.path): has pytorch_model.bin but no model.safetensors, expected weights in "
        + "safetensors format (pickles are never opened)")
    #expect(
      message { _ = try openSafetensors(folder: folder.path + "/none") }
        == "\(folder.path)/none: cannot open it: No such file or directory")
  }

  static func entry(
    name: String = "w", dtype: String = #""F32""#, shape: String = "[2]", offsets: String = "[0,8]"
  ) -> String {
    #"{"\#(name)":{"dtype":\#(dtype),"shape":\#(shape),"data_offsets":\#(offsets)}}"#
  }

  private func file(_ header: String, _ data: [UInt8]) -> [UInt8] {
    UInt64(header.utf8.count).bytes + Array(header.utf8) + data
  }
}

/// The text of the error that `work` throws, or "no error".
func message(_ work: () throws -> Void) -> String {
  do { try work() } catch { return "\(error)" }
  return "no error"
}
