/// Joins neighbouring tokens, the pair learned first going first, until no pair is known.
///
/// Source: Sennrich, Haddow & Birch 2016, arXiv:1508.07909. Of equal pairs the leftmost joins
/// first. Short words are searched; long ones keep their pairs in a heap, so that a megabyte
/// without a space takes n log n.
struct BytePairMerger: Sendable {
  struct Merge: Sendable {
    let rank: Int32
    let result: Int32
  }

  private let merges: [UInt64: Merge]

  init(merges: [UInt64: Merge]) { self.merges = merges }

  static func key(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  func merge(_ symbols: inout [Int32]) {
    if symbols.count > 48 { mergeLong(&symbols) } else { mergeShort(&symbols) }
  }

  private func mergeShort(_ symbols: inout [Int32]) {
    while symbols.count > 1 {
      var best: (merge: Merge, index: Int)?
      for index in 0..<symbols.count - 1 {
        guard let merge = merges[BytePairMerger.key(symbols[index], symbols[index + 1])],
          merge.rank < best?.merge.rank ?? .max
        else { continue }
        best = (merge, index)
      }
      guard let best else { return }
      symbols[best.index] = best.merge.result
      symbols.remove(at: best.index + 1)
    }
  }

  private struct Candidate {
    let rank: Int32
    let position: Int32
    let left: Int32
    let right: Int32
    func precedes(_ other: Candidate) -> Bool {
      rank != other.rank ? rank < other.rank : position < other.position
    }
  }

  private func mergeLong(_ symbols: inout [Int32]) {
    let count = symbols.count
    var next = (0..<count).map { $0 + 1 }
    var previous = (0..<count).map { $0 - 1 }
    var alive = [Bool](repeating: true, count: count)
    var heap: [Candidate] = []
    func candidate(_ left: Int, _ right: Int) -> Candidate? {
      guard left >= 0, right < count else { return nil }
      guard let merge = merges[BytePairMerger.key(symbols[left], symbols[right])] else { return nil }
      return Candidate(
        rank: merge.rank, position: Int32(left), left: symbols[left], right: symbols[right])
    }
    for index in 0..<count - 1 {
      if let found = candidate(index, index + 1) { push(found, to: &heap) }
    }
    while let top = pop(from: &heap) {
      let left = Int(top.position)
      let right = next[left]
      // Entries made before a neighbour changed no longer describe what stands there.
      guard alive[left], right < count, symbols[left] == top.left, symbols[right] == top.right,
        let merge = merges[BytePairMerger.key(top.left, top.right)]
      else { continue }
      symbols[left] = merge.result
      alive[right] = false
      next[left] = next[right]
      if next[left] < count { previous[next[left]] = left }
      if let found = candidate(previous[left], left) { push(found, to: &heap) }
      if let found = candidate(left, next[left]) { push(found, to: &heap) }
    }
    symbols = symbols.indices.filter { alive[$0] }.map { symbols[$0] }
  }

  private func push(_ candidate: Candidate, to heap: inout [Candidate]) {
    heap.append(candidate)
    var child = heap.count - 1
    while child > 0, heap[child].precedes(heap[(child - 1) / 2]) {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  private func pop(from heap: inout [Candidate]) -> Candidate? {
    guard let top = heap.first, let last = heap.popLast() else { return nil }
    guard !heap.isEmpty else { return top }
    heap[0] = last
    var parent = 0
    while true {
      var smallest = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
        if heap[child].precedes(heap[smallest]) { smallest = child }
      }
      if smallest == parent { return top }
      heap.swapAt(parent, smallest)
      parent = smallest
    }
  }
}
