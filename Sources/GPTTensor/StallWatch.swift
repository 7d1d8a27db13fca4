import Synchronization

/// What a worker and its pool tell each other.
final class WorkerSeat: Sendable {
  /// The worker is running a chunk.
  let isBusy = Atomic<Bool>(false)
  /// The worker is to claim nothing for now.
  let isResting = Atomic<Bool>(false)
}

/// Finds workers whose core another process takes, and lets them rest.
///
/// A worker that loses its core inside a chunk holds the region back for a scheduler's time slice,
/// several milliseconds, in which the others could compute hundreds of chunks. One such stall may be
/// chance; after two within `memory` the worker rests, and at its next stall longer. Who runs a
/// chunk never changes its result.
package struct StallWatch {
  /// Nanoseconds from stall to stall up to which they have one cause.
  package static let memory: UInt64 = 50_000_000
  /// Nanoseconds of the first rest; each further one is twice as long, up to the last.
  package static let rests: ClosedRange<UInt64> = 100_000_000...1_000_000_000

  private struct Record {
    var lastStall: UInt64 = 0
    var rest = StallWatch.rests.lowerBound
    /// 0: it works.
    var end: UInt64 = 0
  }

  private var records: [Record]
  package private(set) var restingCount = 0

  package init(workerCount: Int) { records = Array(repeating: Record(), count: workerCount) }

  /// How long a region may wait for its last chunks: several times what one took, and more than
  /// threads that share a machine in peace ever do.
  ///
  /// - Parameter nanoseconds: that the caller's own chunks took
  package static func patience(chunkCount: Int, nanoseconds: UInt64) -> UInt64 {
    chunkCount == 0 ? 20_000_000 : max(400_000, 4 * nanoseconds / UInt64(chunkCount))
  }

  /// Whether the worker, which holds a region back, has to rest from now on.
  package mutating func noteStall(of worker: Int, at now: UInt64) -> Bool {
    guard records[worker].end == 0 else { return false }
    let isAnother = now - records[worker].lastStall < Self.memory
    records[worker].lastStall = now
    guard isAnother else {
      records[worker].rest = Self.rests.lowerBound
      return false
    }
    records[worker].end = now + records[worker].rest
    records[worker].rest = min(2 * records[worker].rest, Self.rests.upperBound)
    restingCount += 1
    return true
  }

  /// Workers whose rest is over.
  package mutating func workersToReturn(at now: UInt64) -> [Int] {
    let ready = records.indices.filter { records[$0].end != 0 && records[$0].end <= now }
    for worker in ready {
      records[worker].end = 0
      // The next stall, if it comes soon, is another of the same cause.
      records[worker].lastStall = now
    }
    restingCount -= ready.count
    return ready
  }
}
