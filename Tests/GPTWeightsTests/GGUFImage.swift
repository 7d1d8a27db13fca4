/// Builds the bytes of a GGUF file up to its data, every field open to being wrong.
struct GGUFImage {
  struct Tensor {
    var name = "w"
    /// Innermost first, as in the file.
    var dimensions: [UInt64] = [8]
    var type: UInt32 = 0
    var offset: UInt64 = 0
    var bytes = 32
  }

  var version: UInt32 = 3
  var keys: [(name: String, type: UInt32, value: [UInt8])] = [
    ("text", 8, UInt64(2).bytes + Array("é".utf8)),
    ("u8", 0, [200]),
    ("i8", 1, [0xfd]),
    ("u64", 10, UInt64(1 << 40).bytes),
    ("huge", 10, UInt64.max.bytes),
    ("f32", 6, Float(0.5).bitPattern.bytes),
    ("yes", 7, [1]),
    ("words", 9, array(8, [text("a"), text(""), text("bc")])),
    ("counts", 9, array(5, [Int32(-1).bytes, Int32(7).bytes])),
    ("scores", 9, array(6, [Float(0.25).bitPattern.bytes, Float(-1).bitPattern.bytes])),
  ]
  /// Put in front of the keys, with their number.
  var rawKeys: [UInt8] = []
  var rawKeyCount = 0
  var tensors: [Tensor] = []
  /// What the header says when it is not the truth.
  var tensorCount: Int?

  var bytes: [UInt8] {
    var result = Array("GGUF".utf8) + version.bytes
    result += UInt64(tensorCount ?? tensors.count).bytes
    result += UInt64(keys.count + rawKeyCount).bytes + rawKeys
    for key in keys { result += Self.text(key.name) + key.type.bytes + key.value }
    for tensor in tensors {
      result += Self.text(tensor.name) + UInt32(tensor.dimensions.count).bytes
      result += tensor.dimensions.flatMap(\.bytes) + tensor.type.bytes + tensor.offset.bytes
    }
    return result + [UInt8](repeating: 0, count: (32 - result.count % 32) % 32)
  }

  private static func text(_ string: String) -> [UInt8] {
    UInt64(string.utf8.count).bytes + Array(string.utf8)
  }

  private static func array(_ type: UInt32, _ elements: [[UInt8]]) -> [UInt8] {
    type.bytes + UInt64(elements.count).bytes + elements.flatMap { $0 }
  }
}
