/// Which examples stand together in a row; every example stands in one.
///
/// Rows are filled best fit, longest example first (Krell et al. 2021, arXiv:2107.02027, pack
/// sequences so). Where examples of a length go is decided once; in every epoch examples of equal
/// length change places among one another, so that an epoch's rows are a function of its key alone
/// and all epochs have as many rows.
struct RowLayout: Sendable {
  /// Examples, the longest first.
  private let order: [Int]
  /// Where in `order` examples of another length begin, and its end.
  private let groupStarts: [Int]
  /// Places in `order`, row after row.
  private let places: [Int]
  private let rowStarts: [Int]

  var count: Int { rowStarts.count - 1 }

  /// - Parameters:
  ///   - examples: their numbers
  ///   - capacity: inputs of a row; nil puts every example in a row of its own
  ///   - length: inputs an example takes: at least 1, and at most `capacity`
  init(_ examples: [Int], capacity: Int?, length: (Int) -> Int) {
    guard let capacity else {
      order = examples
      groupStarts = Array(0...examples.count)
      places = Array(examples.indices)
      rowStarts = groupStarts
      return
    }
    let lengths = examples.map(length)
    let sorted = examples.indices.sorted { (lengths[$1], $0) < (lengths[$0], $1) }
    order = sorted.map { examples[$0] }
    let ordered = sorted.map { lengths[$0] }
    groupStarts =
      ordered.indices.filter { $0 == 0 || ordered[$0] != ordered[$0 - 1] } + [ordered.count]
    let rows = Self.pack(ordered, capacity)
    places = rows.flatMap { $0 }
    var starts = [0]
    for row in rows { starts.append(starts[starts.count - 1] + row.count) }
    rowStarts = starts
  }

  /// - Parameter lengths: in descending order
  private static func pack(_ lengths: [Int], _ capacity: Int) -> [[Int]] {
    var rows: [[Int]] = []
    var rowsByRoom: [[Int]] = []
    var rooms = RoomIndex(capacity: capacity)
    rowsByRoom = Array(repeating: [], count: capacity + 1)
    for (place, length) in lengths.enumerated() {
      var row = rows.count
      var room = capacity
      if let found = rooms.smallest(atLeast: length) {
        row = rowsByRoom[found].removeLast()
        room = found
        if rowsByRoom[found].isEmpty { rooms.remove(found) }
        rows[row].append(place)
      } else {
        rows.append([place])
      }
      guard room > length else { continue }
      rowsByRoom[room - length].append(row)
      rooms.insert(room - length)
    }
    return rows
  }

  /// The examples of a row.
  ///
  /// - Parameter epochKey: decides who changes places; nil for nobody
  func examples(of row: Int, epochKey: UInt64?) -> [Int] {
    places[rowStarts[row]..<rowStarts[row + 1]].map { place in
      guard let epochKey else { return order[place] }
      let start = group(of: place)
      let count = groupStarts[start + 1] - groupStarts[start]
      let permutation = KeyedPermutation(
        count: count, key: MixedBits.mix(epochKey, UInt64(start)))
      return order[groupStarts[start] + permutation[place - groupStarts[start]]]
    }
  }

  /// By bisection.
  private func group(of place: Int) -> Int {
    var (low, high) = (0, groupStarts.count - 1)
    while high - low > 1 {
      let middle = (low + high) / 2
      if groupStarts[middle] <= place { low = middle } else { high = middle }
    }
    return low
  }
}

/// The set of free rooms that rows have, with a fast search for the smallest that suffices.
private struct RoomIndex {
  private var words: [UInt64]

  init(capacity: Int) { words = Array(repeating: 0, count: capacity / 64 + 1) }

  mutating func insert(_ room: Int) { words[room / 64] |= 1 << UInt64(room % 64) }

  mutating func remove(_ room: Int) { words[room / 64] &= ~(1 << UInt64(room % 64)) }

  func smallest(atLeast room: Int) -> Int? {
    var index = room / 64
    guard index < words.count else { return nil }
    var word = words[index] & (UInt64.max << UInt64(room % 64))
    while word == 0 {
      index += 1
      guard index < words.count else { return nil }
      word = words[index]
    }
    return index * 64 + word.trailingZeroBitCount
  }
}
