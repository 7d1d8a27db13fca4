internal import GPTTensor

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

/// The texts of a vocabulary by id, and the ids by text.
struct TokenTable: Sendable {
  private let texts: ByteStrings
  /// Of each id: where its text stands in `texts`; −1 where there is none.
  private let places: [Int32]
  /// Ids by the hash of their texts, each in the next free place; −1 where there is none.
  private var slots: [Int32]
  private let hash = ByteHash()

  var count: Int { places.count }

  /// A table whose texts are not entered yet.
  init(texts: ByteStrings, places: [Int32]) {
    self.texts = texts
    self.places = places
    slots = Array(repeating: -1, count: ByteHash.placeCount(for: places.count))
  }

  /// The text of a token, nil for ids that have none.
  func text(of id: Int32) -> ArraySlice<UInt8>? {
    guard id >= 0, Int(id) < places.count, places[Int(id)] >= 0 else { return nil }
    return texts[Int(places[Int(id)])]
  }

  /// Makes `id` the one of its text; returns the id that had it, if any.
  mutating func enter(_ id: Int32) -> Int32? {
    guard let text = text(of: id) else { return nil }
    let slot = text.withUnsafeBytes { bytes in self.slot(of: bytes) }
    let other = slots[slot]
    slots[slot] = id
    return other < 0 ? nil : other
  }

  func id(of text: UnsafeRawBufferPointer) -> Int32? {
    let id = slots[slot(of: text)]
    return id < 0 ? nil : id
  }

  func id(of text: ArraySlice<UInt8>) -> Int32? { text.withUnsafeBytes { id(of: $0) } }

  func id(of text: String) -> Int32? {
    var text = text
    return text.withUTF8 { id(of: UnsafeRawBufferPointer($0)) }
  }

  /// Whether `id` has this text.
  func has(_ id: Int32, text: ArraySlice<UInt8>) -> Bool { self.text(of: id) == text }

  /// The place that holds the id of `text`, or where it would go.
  private func slot(of text: UnsafeRawBufferPointer) -> Int {
    let mask = slots.count - 1
    var slot = hash(text) & mask
    while slots[slot] >= 0 {
      if let other = self.text(of: slots[slot]), Self.areEqual(other, text) { break }
      slot = (slot + 1) & mask
    }
    return slot
  }

  private static func areEqual(_ left: ArraySlice<UInt8>, _ right: UnsafeRawBufferPointer) -> Bool {
    let count = left.count
    guard count == right.count else { return false }
    return left.withUnsafeBytes { left in
      guard let left = left.baseAddress, let right = right.baseAddress else { return true }
      return memcmp(left, right, count) == 0
    }
  }
}
