internal import GPTTensor

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
    var slots = [Int32](repeating: -1, count: ByteHash.slotCount(for: places.count))
    let hash = hash
    slots.withUnsafeMutableBufferPointer { slots in
      Self.withParts(texts, places, UnsafeBufferPointer(slots), hash) { parts in
        for id in parts.places.indices where parts.places[id] >= 0 {
          let slot = parts.slot(of: parts.text(of: Int32(id)))
          if slots[slot] >= 0 { duplicate(id, slots[slot]) }
          slots[slot] = Int32(id)
        }
      }
    }
    self.slots = slots
  }

  /// The text of a token, nil for ids that have none.
  func text(of id: Int32) -> ArraySlice<UInt8>? {
    guard id >= 0, Int(id) < places.count, places[Int(id)] >= 0 else { return nil }
    return texts[Int(places[Int(id)])]
  }

  func id(of text: UnsafeRawBufferPointer) -> Int32? {
    let id = withParts { $0.slots[$0.slot(of: text)] }
    return id < 0 ? nil : id
  }

  func id(of text: String) -> Int32? {
    var text = text
    return text.withUTF8 { id(of: UnsafeRawBufferPointer($0)) }
  }

  private func withParts<Result>(_ body: (TableParts) -> Result) -> Result {
    slots.withUnsafeBufferPointer { Self.withParts(texts, places, $0, hash, body) }
  }

  private static func withParts<Result>(
    _ texts: ByteStrings, _ places: [Int32], _ slots: UnsafeBufferPointer<Int32>, _ hash: ByteHash,
    _ body: (TableParts) -> Result
  ) -> Result {
    texts.withUnsafeStrings { strings in
      places.withUnsafeBufferPointer { places in
        body(TableParts(strings: strings, places: places, slots: slots, hash: hash))
      }
    }
  }
}

extension TokenTable {
  /// Ids of both parts and the product of a merge; nil where there is none.
  typealias MergedIDs = (left: Int32?, right: Int32?, product: Int32?)

  /// Merges whose texts are looked up together.
  private static let batchCount = 16

  /// Calls `body` with the ids of each merge in order, until it returns false.
  func forEachMerge(of merges: MergeList, _ body: (_ rank: Int, MergedIDs) -> Bool) {
    withParts { parts in
      merges.products.withUnsafeStrings { products in
        var batch = LookupBatch(capacity: 3 * Self.batchCount)
        for first in stride(from: 0, to: products.count, by: Self.batchCount) {
          let ranks = first..<min(first + Self.batchCount, products.count)
          batch.removeAll()
          for rank in ranks {
            let (product, count) = (products[rank], merges.leftCounts[rank])
            batch.append(UnsafeRawBufferPointer(rebasing: product[..<count]))
            batch.append(UnsafeRawBufferPointer(rebasing: product[count...]))
            batch.append(product)
          }
          batch.find(in: parts)
          for rank in ranks {
            let place = 3 * (rank - first)
            let ids = (batch.id(place), batch.id(place + 1), batch.id(place + 2))
            guard body(rank, ids) else { return }
          }
        }
      }
    }
  }
}

/// A table where it lies in memory.
private struct TableParts {
  private let bytes: UnsafeRawBufferPointer
  private let ends: UnsafeBufferPointer<Int>
  let places: UnsafeBufferPointer<Int32>
  let slots: UnsafeBufferPointer<Int32>
  private let hash: ByteHash

  init(
    strings: UnsafeByteStrings, places: UnsafeBufferPointer<Int32>,
    slots: UnsafeBufferPointer<Int32>, hash: ByteHash
  ) {
    bytes = strings.bytes
    ends = strings.ends
    self.places = places
    self.slots = slots
    self.hash = hash
  }

  @inline(__always)
  func text(of id: Int32) -> UnsafeRawBufferPointer {
    let place = Int(places[Int(id)])
    let start = place == 0 ? 0 : ends[place - 1]
    return UnsafeRawBufferPointer(
      start: bytes.baseAddress.map { $0 + start }, count: ends[place] - start)
  }

  /// The slot that holds the id of `text`, or where it would go.
  @inline(__always)
  func slot(of text: UnsafeRawBufferPointer) -> Int { slot(of: text, from: firstSlot(of: text)) }

  @inline(__always)
  func firstSlot(of text: UnsafeRawBufferPointer) -> Int { hash(text) & (slots.count - 1) }

  @inline(__always)
  func slot(of text: UnsafeRawBufferPointer, from start: Int) -> Int {
    var slot = start
    while slots[slot] >= 0 {
      if areEqual(self.text(of: slots[slot]), text) { break }
      slot = (slot + 1) & (slots.count - 1)
    }
    return slot
  }
}

/// Texts whose ids are looked up together: every step is done for all before the next, so that the
/// processor waits for many cache misses at a time instead of for one after the other.
private struct LookupBatch {
  private var texts: [UnsafeRawBufferPointer] = []
  private var slots: [Int] = []
  private var ids: [Int32] = []
  private var found: [UnsafeRawBufferPointer] = []

  init(capacity: Int) {
    texts.reserveCapacity(capacity)
    slots.reserveCapacity(capacity)
    ids.reserveCapacity(capacity)
    found.reserveCapacity(capacity)
  }

  mutating func removeAll() {
    texts.removeAll(keepingCapacity: true)
    slots.removeAll(keepingCapacity: true)
    ids.removeAll(keepingCapacity: true)
    found.removeAll(keepingCapacity: true)
  }

  mutating func append(_ text: UnsafeRawBufferPointer) { texts.append(text) }

  mutating func find(in parts: TableParts) {
    for text in texts { slots.append(parts.firstSlot(of: text)) }
    for slot in slots { ids.append(parts.slots[slot]) }
    for id in ids {
      found.append(id < 0 ? UnsafeRawBufferPointer(start: nil, count: 0) : parts.text(of: id))
    }
    for index in texts.indices where ids[index] >= 0 && !areEqual(found[index], texts[index]) {
      ids[index] = parts.slots[parts.slot(of: texts[index], from: slots[index])]
    }
  }

  func id(_ index: Int) -> Int32? { ids[index] < 0 ? nil : ids[index] }
}

/// Words of eight bytes at a time: most tokens are shorter than the call of a library's function is
/// worth.
@inline(__always)
private func areEqual(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
  guard left.count == right.count else { return false }
  var position = 0
  while left.count - position >= 8 {
    guard
      left.loadUnaligned(fromByteOffset: position, as: UInt64.self)
        == right.loadUnaligned(fromByteOffset: position, as: UInt64.self)
    else { return false }
    position += 8
  }
  while position < left.count {
    guard left[position] == right[position] else { return false }
    position += 1
  }
  return true
}
