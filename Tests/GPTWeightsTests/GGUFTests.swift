import GPTTensor
import GPTWeights
import Testing

@Suite struct GGUFTests {
  @Test(arguments: [2, 3])
  func readsMetadataAndTensors(version: UInt32) throws {
    let folder = TemporaryFolder()
    var image = GGUFImage()
    image.version = version
    image.tensors = [.init(name: "w", dimensions: [2, 3], type: 0, offset: 0, bytes: 24)]
    let data = (0..<6).flatMap { Float($0).bitPattern.bytes }
    let file = try GGUFFile(path: folder.write("m.gguf", image.bytes + data))
    #expect(file.version == Int(version))
    #expect(file.keys == image.keys.map(\.name))
    let tensor = try file.required("w", shape: [3, 2])
    #expect(tensor.dequantised() == [0, 1, 2, 3, 4, 5])

    #expect(try file.string("text") == "é")
    #expect(try file.integer("u8") == 200)
    #expect(try file.integer("i8") == -3)
    #expect(try file.integer("u64") == 1 << 40)
    #expect(try file.number("f32") == 0.5)
    #expect(try file.number("u8") == 200)
    #expect(try file.boolean("yes") == true)
    #expect(try file.strings("words") == ["a", "", "bc"])
    #expect(try file.byteStrings("words") == [[97], [], [98, 99]])
    #expect(try file.integers("counts") == [-1, 7])
    #expect(try file.floats("scores") == [0.25, -1])
    #expect(try file.integer("absent") == nil && file.strings("absent") == nil)
    #expect(file.value("words") == .array(elements: .string, count: 3))
    #expect(file.arrayCount("words") == 3 && file.arrayCount("u8") == nil)
  }

  @Test func aValueOfAnotherTypeIsNamed() throws {
    let folder = TemporaryFolder()
    let file = try GGUFFile(path: folder.write("m.gguf", GGUFImage().bytes))
    let messages = [
      message { _ = try file.integer("text") }, message { _ = try file.string("u8") },
      message { _ = try file.strings("counts") }, message { _ = try file.floats("words") },
      message { _ = try file.integers("scores") }, message { _ = try file.integer("huge") },
    ]
    #expect(
      messages == [
        "m.gguf: key 'text' is a string, expected an integer",
        "m.gguf: key 'u8' is an unsigned integer, expected a string",
        "m.gguf: key 'counts' is an array of integers, expected an array of strings",
        "m.gguf: key 'words' is an array of strings, expected an array of fractions",
        "m.gguf: key 'scores' is an array of fractions, expected an array of integers",
        "m.gguf: key 'huge' is 18446744073709551615, expected at most 2^63 - 1",
      ])
  }

  static let badTensors: [([GGUFImage.Tensor], String)] = [
    (
      [.init(dimensions: [0, 2])], "tensor 'w' has a dimension of 0, expected 1 to 2^63 - 1"
    ),
    (
      [.init(dimensions: [.max])],
      "tensor 'w' has a dimension of 18446744073709551615, expected 1 to 2^63 - 1"
    ),
    (
      [.init(dimensions: [1 << 32, 1 << 32])],
      "tensor 'w' is [4294967296, 4294967296] in F32, expected at most the SIZE bytes of the file"
    ),
    (
      [.init(dimensions: [1 << 62])],
      "tensor 'w' is [4611686018427387904] in F32, expected at most the SIZE bytes of the file"
    ),
    ([.init(dimensions: [])], "tensor 'w' has 0 dimensions, expected 1 to 4"),
    ([.init(dimensions: [1, 1, 1, 1, 1])], "tensor 'w' has 5 dimensions, expected 1 to 4"),
    (
      [.init(type: 4)],
      "tensor 'w' is of type 4, removed or unknown, expected a type of GGUF version 3"
    ),
    (
      [.init(dimensions: [16], type: 2)],
      "tensor 'w' has rows of 16 elements in Q4_0, expected a multiple of 32"
    ),
    (
      [.init(offset: 1 << 40)],
      "tensor 'w' has 32 bytes at data offset 1099511627776, expected an end inside the file of "
        + "SIZE bytes"
    ),
    ([.init(offset: 32)], "tensor 'w' at data offset 32 follows a hole, expected offset 0"),
    (
      [.init(), .init(name: "v", offset: 4)],
      "tensor 'v' at data offset 4 overlaps the tensor before it, expected offset 32"
    ),
    ([.init(), .init(offset: 32)], "tensor 'w' is listed twice, expected once"),
    ([.init(name: "")], "tensor '' has no name, expected a printable name"),
    (
      [.init(name: String(repeating: "n", count: 64))],
      "the name of tensor 0 says it has 64 bytes, expected at most 63"
    ),
    (
      [.init(name: "a\0b")],
      "tensor 'a\\u{0}b' has a control character in its name, expected a printable name"
    ),
    (
      [.init(dimensions: [40])],
      "the data has 128 bytes, expected 160, where the last tensor ends"
    ),
  ]

  @Test(arguments: badTensors)
  func aBadTensorIsExplained(tensors: [GGUFImage.Tensor], expected: String) {
    let folder = TemporaryFolder()
    var image = GGUFImage()
    image.tensors = tensors
    let bytes = image.bytes + [UInt8](repeating: 0, count: 128)
    let path = folder.write("m.gguf", bytes)
    let text = expected.split(separator: "SIZE", omittingEmptySubsequences: false)
      .joined(separator: "\(bytes.count)")
    #expect(message { _ = try GGUFFile(path: path) } == "m.gguf: " + text)
  }

  /// The bytes of one key, put in front of an otherwise good file, and the message they earn.
  static let badKeys: [([UInt8], String)] = [
    (key(13, [1]), "key 'k' is of value type 13, expected 0 to 12"),
    (key(7, [7]), "key 'k' has a boolean of value 7, expected 0 or 1"),
    (
      key(9, UInt32(9).bytes + UInt64(1).bytes),
      "key 'k' is an array of arrays, expected an array of numbers, booleans or strings"
    ),
    (
      UInt64(0).bytes + UInt32(0).bytes + [1],
      "key 0 has no name, expected a name in UTF-8"
    ),
    (
      UInt64(1).bytes + [0xff] + UInt32(0).bytes + [1],
      "key 0 has a name that is not UTF-8, expected a name in UTF-8"
    ),
    (
      UInt64(65536).bytes + [UInt8](repeating: 97, count: 65536) + UInt32(0).bytes + [1],
      "the name of key 0 says it has 65536 bytes, expected at most 65535"
    ),
    (key(0, [1]) + key(0, [1]), "key 'k' stands twice, expected once"),
    (
      key(4, UInt32(24).bytes, name: "general.alignment"),
      "key 'general.alignment' is 24, expected a power of two from 8 to 2097152"
    ),
    (
      key(10, UInt64(32).bytes, name: "general.alignment"),
      "key 'general.alignment' is an unsigned integer of another type, expected an unsigned "
        + "integer of 32 bits"
    ),
  ]

  @Test(arguments: badKeys)
  func aBadKeyIsExplained(bytes: [UInt8], expected: String) {
    let folder = TemporaryFolder()
    var image = GGUFImage()
    image.rawKeys = bytes
    image.rawKeyCount = expected.contains("twice") ? 2 : 1
    let path = folder.write("m.gguf", image.bytes)
    #expect(message { _ = try GGUFFile(path: path) } == "m.gguf: " + expected)
  }

  @Test(arguments: [UInt32(0), 4, 8, 10, 12], [UInt64(1) << 40, 1 << 61, (1 << 61) + 1, .max])
  func anArrayLongerThanTheFileIsRefused(type: UInt32, count: UInt64) {
    let folder = TemporaryFolder()
    var image = GGUFImage()
    image.rawKeys = Self.key(9, type.bytes + count.bytes)
    image.rawKeyCount = 1
    let text = message { _ = try GGUFFile(path: folder.write("m.gguf", image.bytes)) }
    #expect(
      text.hasPrefix("m.gguf: the length of key 'k' says \(count), expected at most "), "\(text)")
  }

  @Test func everyTruncationIsAnError() {
    let folder = TemporaryFolder()
    var image = GGUFImage()
    image.tensors = [.init(), .init(name: "v", offset: 32)]
    let whole = image.bytes + [UInt8](repeating: 0, count: 64)
    for length in 0..<whole.count {
      let path = folder.write("m.gguf", Array(whole[..<length]))
      let text = message { _ = try GGUFFile(path: path) }
      #expect(text != "no error" && !text.contains("\n"), "cut to \(length) of \(whole.count)")
    }
  }

  @Test func paddingThatHidesATensorIsRefused() {
    let folder = TemporaryFolder()
    var image = GGUFImage()
    image.tensors = [.init(), .init(name: "v", offset: 32)]
    image.tensorCount = 1
    let path = folder.write("m.gguf", image.bytes + [UInt8](repeating: 0, count: 64))
    #expect(
      message { _ = try GGUFFile(path: path) }
        == "m.gguf: the padding after the list of tensors has byte 0x1, expected zero bytes")
  }

  static let otherFiles: [([UInt8], String)] = [
    (
      Array("lmgg".utf8) + [1, 0, 0, 0],
      "is a GGML file older than GGUF, expected a GGUF file; convert it to GGUF version 3"
    ),
    (
      Array("gguf".utf8),
      "is a file that begins with bytes 67 67 75 66, expected a GGUF file"
    ),
    (Array("GGUF".utf8) + [1, 0, 0, 0], "GGUF is of version 1, expected version 2 or 3"),
    (Array("GGUF".utf8) + [0, 0, 0, 3], "GGUF is big-endian, expected little-endian"),
  ]

  @Test(arguments: otherFiles)
  func anotherKindOfFileIsNamed(bytes: [UInt8], expected: String) {
    let folder = TemporaryFolder()
    let path = folder.write("m.gguf", bytes)
    #expect(message { _ = try GGUFFile(path: path) } == "m.gguf: " + expected)
  }

  static func key(_ type: UInt32, _ value: [UInt8], name: String = "k") -> [UInt8] {
    UInt64(name.utf8.count).bytes + Array(name.utf8) + type.bytes + value
  }
}
