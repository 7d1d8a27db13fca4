/// The merges of a BPE vocabulary, and applying them.
///
/// The pair of neighbours with the lowest rank is merged first, the leftmost of equals, until no
/// neighbours have a rank.
///
/// - Source: Sennrich et al. 2016, arXiv:1508.07909
struct PairMerger: Sendable {
  struct Merge: Sendable {
    let rank: Int32
    let product: Int32
  }

  /// Up to this many symbols, looking at all pairs each time is faster than a heap.
  private static let scanLimit = 24

  struct Entry {
    let left: Int32
    let right: Int32
    let product: Int32
  }

  /// By rank.
  private let entries: [Entry]
  /// Ranks by the hash of their pairs, each in the next free slot; −1 where there is none.
  private let slots: [Int32]
  private let hash = ByteHash()

  /// - Parameter entries: by rank; of two for one pair the later counts, as in the published
  ///   tokenizers
  init(_ entries: [Entry]) {
    self.entries = entries
    var slots = [Int32](repeating: -1, count: ByteHash.slotCount(for: entries.count))
    let hash = hash
    slots.withUnsafeMutableBufferPointer { slots in
      entries.withUnsafeBufferPointer { entries in
        for (rank, entry) in entries.enumerated() {
          let slot = Self.slot(
            entry.left, entry.right, in: UnsafeBufferPointer(slots), of: entries, hash)
          slots[slot] = Int32(rank)
        }
      }
    }
    self.slots = slots
  }

  /// The slot that holds the rank of the pair, or where it would go.
  @inline(__always)
  private static func slot(
    _ left: Int32, _ right: Int32, in slots: UnsafeBufferPointer<Int32>,
    of entries: UnsafeBufferPointer<Entry>, _ hash: ByteHash
  ) -> Int {
    let pair = UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    let mask = slots.count - 1
    var slot = hash(pair) & mask
    while slots[slot] >= 0 {
      let entry = entries[Int(slots[slot])]
      if entry.left == left, entry.right == right { break }
      slot = (slot + 1) & mask
    }
    return slot
  }

  @inline(__always)
  private func merge(_ left: Int32, _ right: Int32) -> Merge? {
    slots.withUnsafeBufferPointer { slots in
      entries.withUnsafeBufferPointer { entries in
        let rank = slots[Self.slot(left, right, in: slots, of: entries, hash)]
        return rank < 0 ? nil : Merge(rank: rank, product: entries[Int(rank)].product)
      }
    }
  }

  /// Appends to `ids` what merging leaves of `symbols`.
  func apply(to symbols: inout [Int32], into ids: inout [Int32]) {
    if symbols.count <= Self.scanLimit { applyScanning(&symbols) } else { applyWithHeap(&symbols) }
    ids.append(contentsOf: symbols)
  }

  private func applyScanning(_ symbols: inout [Int32]) {
    while symbols.count > 1 {
      var best: Merge?
      var position = 0
      for index in 0..<(symbols.count - 1) {
        guard let merge = merge(symbols[index], symbols[index + 1]) else { continue }
        if let found = best, found.rank <= merge.rank { continue }
        best = merge
        position = index
      }
      guard let best else { return }
      symbols[position] = best.product
      symbols.remove(at: position + 1)
    }
  }

  private func applyWithHeap(_ symbols: inout [Int32]) {
    var chain = SymbolChain(symbols)
    var heap = CandidateHeap()
    func consider(_ left: Int) {
      let right = chain.next[left]
      guard right < chain.ids.count,
        let merge = merge(chain.ids[left], chain.ids[right])
      else { return }
      heap.push(
        Candidate(rank: merge.rank, position: Int32(left), right: Int32(right), merge.product))
    }
    for index in 0..<(symbols.count - 1) { consider(index) }
    while let candidate = heap.pop() {
      let (left, right) = (Int(candidate.position), Int(candidate.right))
      guard chain.next[left] == right, chain.isAlive(left), chain.isAlive(right),
        let merge = merge(chain.ids[left], chain.ids[right]), merge.product == candidate.product,
        merge.rank == candidate.rank
      else { continue }
      chain.join(left, right, as: candidate.product)
      consider(left)
      if chain.previous[left] >= 0 { consider(chain.previous[left]) }
    }
    symbols = chain.ids.filter { $0 >= 0 }
  }
}

/// Symbols in a doubly linked list over arrays; a merged-away symbol has the id -1.
private struct SymbolChain {
  var ids: [Int32]
  var next: [Int]
  var previous: [Int]

  init(_ symbols: [Int32]) {
    ids = symbols
    next = Array(1...symbols.count)
    previous = Array(-1..<(symbols.count - 1))
  }

  func isAlive(_ index: Int) -> Bool { ids[index] >= 0 }

  mutating func join(_ left: Int, _ right: Int, as product: Int32) {
    ids[left] = product
    ids[right] = -1
    let after = next[right]
    next[left] = after
    if after < ids.count { previous[after] = left }
  }
}

private struct Candidate {
  let rank: Int32
  let position: Int32
  let right: Int32
  let product: Int32

  init(rank: Int32, position: Int32, right: Int32, _ product: Int32) {
    self.rank = rank
    self.position = position
    self.right = right
    self.product = product
  }

  func precedes(_ other: Candidate) -> Bool {
    rank != other.rank ? rank < other.rank : position < other.position
  }
}

/// A binary heap of candidates, lowest rank and then leftmost first.
private struct CandidateHeap {
  private var items: [Candidate] = []

  mutating func push(_ item: Candidate) {
    items.append(item)
    var child = items.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard items[child].precedes(items[parent]) else { break }
      items.swapAt(child, parent)
      child = parent
    }
  }

  mutating func pop() -> Candidate? {
    guard let first = items.first, let last = items.popLast() else { return nil }
    guard !items.isEmpty else { return first }
    items[0] = last
    var parent = 0
    while true {
      var smallest = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < items.count {
        if items[child].precedes(items[smallest]) { smallest = child }
      }
      guard smallest != parent else { return first }
      items.swapAt(parent, smallest)
      parent = smallest
    }
  }
}
