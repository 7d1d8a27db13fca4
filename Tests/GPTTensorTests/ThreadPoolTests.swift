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

/// A counter that a closure can capture.
final class CounterBox: Sendable {
  private let atomic = Atomic<Int>(0)
  func increment() { atomic.add(1, ordering: .relaxed) }
  var value: Int { atomic.load(ordering: .relaxed) }
}
