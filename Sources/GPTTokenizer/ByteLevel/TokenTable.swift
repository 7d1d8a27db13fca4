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
  /// Ids by the hash of their texts, each in the next free slot; −1 where there is none.
  private var slots: [Int32]
  private let hash = ByteHash()

  var count: Int { places.count }

  /// - Parameter duplicate: told of every id whose text has an id already; the later one counts
  init(
    texts: ByteStrings, places: [Int32], duplicate: (_ id: Int, _ earlier: Int32) -> Void
  ) {
    self.texts = texts
    self.places = places
    slots = Array(repeating: -1, count: ByteHash.slotCount(for: places.count))
    texts.withUnsafeStrings { strings in
      for id in places.indices where places[id] >= 0 {
        let slot = slot(of: strings[Int(places[id])], in: strings)
        if slots[slot] >= 0 { duplicate(id, slots[slot]) }
        slots[slot] = Int32(id)
      }
    }
  }

  /// The text of a token, nil for ids that have none.
  func text(of id: Int32) -> ArraySlice<UInt8>? {
    guard id >= 0, Int(id) < places.count, places[Int(id)] >= 0 else { return nil }
    return texts[Int(places[Int(id)])]
  }

  func id(of text: UnsafeRawBufferPointer) -> Int32? {
    texts.withUnsafeStrings { id(of: text, in: $0) }
  }

  func id(of text: String) -> Int32? {
    var text = text
    return text.withUTF8 { id(of: UnsafeRawBufferPointer($0)) }
  }

  private func id(of text: UnsafeRawBufferPointer, in strings: UnsafeByteStrings) -> Int32? {
    let id = slots[slot(of: text, in: strings)]
    return id < 0 ? nil : id
  }

  /// The slot that holds the id of `text`, or where it would go.
  private func slot(of text: UnsafeRawBufferPointer, in strings: UnsafeByteStrings) -> Int {
    let mask = slots.count - 1
    var slot = hash(text) & mask
    while slots[slot] >= 0 {
      if areEqual(strings[Int(places[Int(slots[slot])])], text) { break }
      slot = (slot + 1) & mask
    }
    return slot
  }
}

extension TokenTable {
  /// Ids of both parts and the product of a merge; nil where there is none.
  typealias MergedIDs = (left: Int32?, right: Int32?, product: Int32?)

  /// Calls `body` with the ids of each merge in order, until it returns false.
  func forEachMerge(of merges: MergeList, _ body: (_ rank: Int, MergedIDs) -> Bool) {
    texts.withUnsafeStrings { strings in
      merges.products.withUnsafeStrings { products in
        for rank in 0..<products.count {
          let (product, count) = (products[rank], merges.leftCounts[rank])
          let ids = (
            id(of: UnsafeRawBufferPointer(rebasing: product[..<count]), in: strings),
            id(of: UnsafeRawBufferPointer(rebasing: product[count...]), in: strings),
            id(of: product, in: strings)
          )
          guard body(rank, ids) else { return }
        }
      }
    }
  }
}

private func areEqual(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
  guard left.count == right.count else { return false }
  guard let first = left.baseAddress, let second = right.baseAddress else { return true }
  return memcmp(first, second, left.count) == 0
}
