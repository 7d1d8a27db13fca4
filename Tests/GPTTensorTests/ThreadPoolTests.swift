import Glibc
import GPTTensor
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

  @Test func anIdlePoolUsesNoProcessorTime() {
    let pool = ThreadPool(threadCount: 2)
    pool.run(8) { _, _ in }
    usleep(50_000)
    let before = clock()
    usleep(300_000)
    let used = Double(clock() - before) / Double(CLOCKS_PER_SEC)
    #expect(used < 0.15, "\(used) s of processor time in 0.3 s")
    pool.run(8) { _, _ in }
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
