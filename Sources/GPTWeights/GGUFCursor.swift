/// Reads little-endian fields of a GGUF header one after the other, never past the file's end.
struct GGUFCursor {
  let bytes: UnsafeRawBufferPointer
  let file: String
  private(set) var position: Int

  init(_ bytes: UnsafeRawBufferPointer, file: String, position: Int) {
    self.bytes = bytes
    self.file = file
    self.position = position
  }

  var remaining: Int { bytes.count - position }

  /// - Parameter item: what is being read, for the message when the file ends inside it.
  mutating func integer<Value: FixedWidthInteger>(
    _ type: Value.Type, _ item: @autoclosure () -> String
  ) throws(WeightsError) -> Value {
    let start = try skip(MemoryLayout<Value>.size, item())
    return Value(littleEndian: bytes.loadUnaligned(fromByteOffset: start, as: Value.self))
  }

  /// A length of 64 bits and as many bytes; returns where in the file they lie.
  mutating func text(
    limit: Int, _ item: @autoclosure () -> String
  ) throws(WeightsError) -> Range<Int> {
    let length = try integer(UInt64.self, item())
    guard length <= UInt64(min(limit, remaining)) else {
      throw .invalid(
        file: file, item: item(), found: "says it has \(length) bytes",
        expected: remaining < limit
          ? "at most the \(remaining) bytes left in the file" : "at most \(limit)")
    }
    let start = try skip(Int(length), item())
    return start..<position
  }

  /// Returns where the skipped bytes begin.
  @discardableResult
  mutating func skip(
    _ count: Int, _ item: @autoclosure () -> String
  ) throws(WeightsError) -> Int {
    guard count <= remaining else {
      throw .invalid(
        file: file, item: "the file", found: "ends after \(bytes.count) bytes, inside \(item())",
        expected: "\(count - remaining) or more further bytes")
    }
    defer { position += count }
    return position
  }

  /// Throws unless `count` elements of at least `size` bytes fit in the rest of the file.
  func demand(
    _ count: UInt64, of size: Int, limit: Int, _ item: @autoclosure () -> String
  ) throws(WeightsError) -> Int {
    let possible = min(limit, remaining / size)
    guard count <= UInt64(possible) else {
      throw .invalid(
        file: file, item: item(), found: "says \(count)",
        expected: "at most \(possible)"
          + (possible < limit ? ", what fits in the rest of the file" : ""))
    }
    return Int(count)
  }
}
