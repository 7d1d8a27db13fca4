import GPTTensor
import Glibc
import Synchronization
import Testing

@Suite struct ThreadPoolTests {
  final class Counters: Sendable {
    let values: [CounterBox]
    init(_ count: Int) { values = (0..<count).map { _ in CounterBox() } }
  }

  @Test(arguments: [1, 2, 3, 8], [1, 2, 7, 64, 1000])
  func everyChunkRunsExactlyOnce(threads: Int, chunks: Int) {
    let pool = ThreadPool(threadCount: threads)
    let counters = Counters(chunks)
    for _ in 0..<50 {
      pool.run(chunks) { chunk, worker in
        counters.values[chunk].increment()
        if worker < 0 || worker >= threads { counters.values[chunk].increment() }
      }
    }
    #expect(counters.values.allSatisfy { $0.value == 50 })
  }

  @Test func callersOnSeveralThreadsShareAPool() async {
    let pool = ThreadPool(threadCount: 2)
    let total = CounterBox()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask { for _ in 0..<200 { pool.run(5) { _, _ in total.increment() } } }
      }
    }
    #expect(total.value == 4 * 200 * 5)
  }

  @Test func anIdlePoolParksItsWorkersAndWakesThem() {
    let pool = ThreadPool(threadCount: 3)
    for _ in 0..<3 {
      let ran = CounterBox()
      pool.run(64) { _, _ in ran.increment() }
      #expect(ran.value == 64)
      var waited = 0
      while pool.parkedWorkerCount < 2, waited < 200 {
        usleep(10_000)
        waited += 1
      }
      #expect(pool.parkedWorkerCount == 2)
    }
  }

  /// A worker that sleeps inside its chunks is one whose core was taken.
  @Test func aWorkerThatHoldsRegionsBackRestsAndReturns() {
    let pool = ThreadPool(threadCount: 2)
    func chunksOfWorker(regions: Int, sleep: UInt32) -> Int {
      let counter = CounterBox()
      for _ in 0..<regions {
        pool.run(4) { _, worker in
          if worker == 1 { counter.increment() }
          usleep(worker == 1 ? sleep : 500)
        }
      }
      return counter.value
    }
    var attempts = 0
    while chunksOfWorker(regions: 10, sleep: 20_000) > 0, attempts < 100 { attempts += 1 }
    #expect(attempts < 100)
    attempts = 0
    while chunksOfWorker(regions: 1, sleep: 500) == 0, attempts < 2000 { attempts += 1 }
    #expect(attempts < 2000)
  }

  @Test func aWorkspaceAllocatesNothingOnTheSecondPass() {
    let workspace = Workspace()
    var addresses: [[UnsafeMutablePointer<Float>]] = []
    for _ in 0..<2 {
      let mark = workspace.mark()
      addresses.append([3, 100, 7].map { workspace.tensor(rows: 2, columns: $0).pointer })
      workspace.release(to: mark)
    }
    #expect(addresses[0] == addresses[1])
  }
}

@Suite struct StallWatchTests {
  private let memory = StallWatch.memory
  private let rests = StallWatch.rests

  @Test func oneStallMayBeChance() {
    var watch = StallWatch(workerCount: 2)
    for index in 1...3 as ClosedRange<UInt64> {
      let rests = watch.noteStall(of: 1, at: index * 2 * memory)
      #expect(!rests)
    }
    let returning = watch.workersToReturn(at: .max)
    #expect(watch.restingCount == 0 && returning.isEmpty)
  }

  @Test func restsGrowWhileStallsGoOn() {
    var watch = StallWatch(workerCount: 3)
    var now = 10 * memory
    var found = [watch.noteStall(of: 2, at: now)]
    var expected = [false]
    for factor in [1, 2, 4, 8, 10, 10] as [UInt64] {
      now += memory / 2
      // The second while it rests already.
      found += [watch.noteStall(of: 2, at: now), watch.noteStall(of: 2, at: now + 1)]
      now += factor * rests.lowerBound
      found += [watch.workersToReturn(at: now - 1).isEmpty, watch.restingCount == 1]
      found += [watch.workersToReturn(at: now) == [2], watch.restingCount == 0]
      expected += [true, false, true, true, true, true]
    }
    #expect(found == expected)
    found = [
      watch.noteStall(of: 2, at: now + memory), watch.noteStall(of: 2, at: now + memory + 1),
    ]
    #expect(found == [false, true])
    let returning = watch.workersToReturn(at: now + memory + 1 + rests.lowerBound)
    #expect(returning == [2], "the first rest again")
  }

  @Test func patienceFollowsTheChunks() {
    #expect(StallWatch.patience(chunkCount: 0, nanoseconds: 5) == 20_000_000)
    #expect(StallWatch.patience(chunkCount: 7, nanoseconds: 70_000) == 400_000)
    #expect(StallWatch.patience(chunkCount: 2, nanoseconds: 1_000_000) == 2_000_000)
  }
}

/// A counter that a closure can capture.
final class CounterBox: Sendable {
  private let atomic = Atomic<Int>(0)
  func increment() { atomic.add(1, ordering: .relaxed) }
  var value: Int { atomic.load(ordering: .relaxed) }
}
