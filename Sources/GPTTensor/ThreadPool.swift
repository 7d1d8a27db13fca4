import Glibc
import Synchronization

/// Persistent threads that share the chunks of one region at a time.
///
/// Workers *claim* chunks, and a region ends when its chunks are done, not when every worker has
/// come: a core that another process took holds nobody back. A worker that loses its core again and
/// again inside a chunk rests for a while (`StallWatch`). Which thread runs a chunk is left open, so
/// a body must give the same result on any of them.
///
/// Invariant: `work` holds the region's number in its high half and the chunks not yet claimed in
/// its low half. A worker reads `context` between loading `work` and claiming by compare-exchange;
/// the claim succeeds only while that region runs, and a region with a claimed chunk cannot end.
package final class ThreadPool: @unchecked Sendable {
  /// `(chunk, worker)`; worker is below `threadCount` and names a thread within the region.
  package typealias Body = (Int, Int) -> Void

  package let threadCount: Int
  private let state: State
  /// One slot a worker, in plain memory: changing an element of an array would touch the array.
  private let scratchSlots: UnsafeMutablePointer<AlignedBuffer?>
  private let entrance = Mutex(())
  /// Touched inside `entrance` only.
  private var watch: StallWatch

  private final class State: @unchecked Sendable {
    let work = Atomic<UInt64>(0)
    let done = Atomic<Int>(0)
    let context = Atomic<UnsafeRawPointer?>(nil)
    let parked = Atomic<Int>(0)
    let stopping = Atomic<Bool>(false)
    let seats: [WorkerSeat]
    let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    /// There is work.
    let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    /// A rest is over.
    let returning = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init(workerCount: Int) {
      seats = (0..<workerCount).map { _ in WorkerSeat() }
      pthread_mutex_init(mutex, nil)
      pthread_cond_init(condition, nil)
      pthread_cond_init(returning, nil)
    }

    deinit {
      pthread_cond_destroy(condition)
      pthread_cond_destroy(returning)
      pthread_mutex_destroy(mutex)
      mutex.deallocate()
      condition.deallocate()
      returning.deallocate()
    }

    func wake(_ sleepers: UnsafeMutablePointer<pthread_cond_t>) {
      pthread_mutex_lock(mutex)
      pthread_cond_broadcast(sleepers)
      pthread_mutex_unlock(mutex)
    }
  }

  /// - Parameter threadCount: threads that work on a region, the caller included.
  package init(threadCount: Int) {
    precondition(threadCount > 0, "a pool of \(threadCount) threads")
    self.threadCount = threadCount
    state = State(workerCount: threadCount)
    watch = StallWatch(workerCount: threadCount)
    scratchSlots = .allocate(capacity: threadCount)
    scratchSlots.initialize(repeating: nil, count: threadCount)
    for worker in 1..<max(1, threadCount) { ThreadPool.start(worker: worker, state: state) }
  }

  deinit {
    state.stopping.store(true, ordering: .sequentiallyConsistent)
    state.wake(state.condition)
    state.wake(state.returning)
    scratchSlots.deinitialize(count: threadCount)
    scratchSlots.deallocate()
  }

  /// Workers that sleep until there is work; they use no processor time.
  package var parkedWorkerCount: Int { state.parked.load(ordering: .relaxed) }

  /// Memory of one worker that lasts as long as the pool; to be asked for inside a region only.
  package func scratch(worker: Int, byteCount: Int) -> UnsafeMutableRawPointer {
    precondition(worker >= 0 && worker < threadCount, "worker \(worker) of \(threadCount)")
    if let buffer = scratchSlots[worker], buffer.byteCount >= byteCount { return buffer.base }
    let buffer = AlignedBuffer(byteCount: byteCount)
    scratchSlots[worker] = buffer
    return buffer.base
  }

  /// Runs `body` for every chunk below `count` and returns when all are done.
  ///
  /// Regions of several callers run one after the other. A body must not start a region.
  package func run(_ count: Int, _ body: Body) {
    guard count > 0 else { return }
    entrance.withLock { _ in
      if threadCount == 1 || count == 1 {
        for chunk in 0..<count { body(chunk, 0) }
        return
      }
      withoutActuallyEscaping(body) { escapable in
        withUnsafePointer(to: escapable) { pointer in runShared(count, UnsafeRawPointer(pointer)) }
      }
    }
  }

  private func runShared(_ count: Int, _ context: UnsafeRawPointer) {
    let began = ThreadPool.now()
    if watch.restingCount > 0 { endRests(at: began) }
    state.done.store(0, ordering: .relaxed)
    state.context.store(context, ordering: .relaxed)
    let region = (state.work.load(ordering: .relaxed) >> 32) &+ 1
    state.work.store(region << 32 | UInt64(count), ordering: .sequentiallyConsistent)
    if state.parked.load(ordering: .sequentiallyConsistent) > 0 { state.wake(state.condition) }
    var own = 0
    while ThreadPool.claim(state, worker: 0) { own += 1 }
    guard state.done.load(ordering: .acquiring) < count else { return }
    awaitOthers(count, began: began, ownCount: own)
  }

  /// Waits for chunks that others claimed, and notes who takes too long.
  private func awaitOthers(_ count: Int, began: UInt64, ownCount: Int) {
    let start = ThreadPool.now()
    let patience = StallWatch.patience(chunkCount: ownCount, nanoseconds: start - began)
    var isPatient = true
    var spins = 0
    while state.done.load(ordering: .acquiring) < count {
      spins += 1
      guard spins & 0x3ff == 0 else { continue }
      sched_yield()
      let now = ThreadPool.now()
      guard isPatient, now - start > patience else { continue }
      isPatient = false
      for (worker, seat) in state.seats.enumerated() where seat.isBusy.load(ordering: .relaxed) {
        if watch.noteStall(of: worker, at: now) { seat.isResting.store(true, ordering: .relaxed) }
      }
    }
  }

  private func endRests(at now: UInt64) {
    let workers = watch.workersToReturn(at: now)
    guard !workers.isEmpty else { return }
    for worker in workers { state.seats[worker].isResting.store(false, ordering: .relaxed) }
    state.wake(state.returning)
  }

  /// Takes and runs one chunk; false when none is left.
  private static func claim(_ state: State, worker: Int) -> Bool {
    var seen = state.work.load(ordering: .acquiring)
    while seen & 0xffff_ffff != 0 {
      let context = state.context.load(ordering: .relaxed)
      let (exchanged, original) = state.work.compareExchange(
        expected: seen, desired: seen - 1, ordering: .acquiringAndReleasing)
      if exchanged, let context {
        if worker > 0 { state.seats[worker].isBusy.store(true, ordering: .relaxed) }
        context.assumingMemoryBound(to: Body.self).pointee(Int(seen & 0xffff_ffff) - 1, worker)
        if worker > 0 { state.seats[worker].isBusy.store(false, ordering: .relaxed) }
        state.done.add(1, ordering: .releasing)
        return true
      }
      seen = original
    }
    return false
  }

  private static func start(worker: Int, state: State) {
    let box = Unmanaged.passRetained(Launch(worker: worker, state: state))
    var thread = pthread_t()
    let failed = pthread_create(
      &thread, nil,
      { argument in
        if let argument {
          let launch = Unmanaged<Launch>.fromOpaque(argument).takeRetainedValue()
          ThreadPool.work(launch.state, worker: launch.worker)
        }
        return nil
      }, box.toOpaque())
    // Without the thread the region's other workers claim its chunks.
    if failed == 0 { pthread_detach(thread) } else { box.release() }
  }

  private final class Launch {
    let worker: Int
    let state: State
    init(worker: Int, state: State) {
      self.worker = worker
      self.state = state
    }
  }

  /// Time that an idle worker looks for work before it sleeps: waking it again costs more.
  private static let spinNanoseconds: UInt64 = 100_000

  private static func work(_ state: State, worker: Int) {
    let seat = state.seats[worker]
    var idleSince = now()
    while !state.stopping.load(ordering: .relaxed) {
      if seat.isResting.load(ordering: .relaxed) {
        rest(state, seat)
        idleSince = now()
      }
      if claim(state, worker: worker) {
        idleSince = now()
        continue
      }
      if now() - idleSince > spinNanoseconds {
        park(state)
        idleSince = now()
      }
    }
  }

  private static func park(_ state: State) {
    pthread_mutex_lock(state.mutex)
    state.parked.add(1, ordering: .sequentiallyConsistent)
    while state.work.load(ordering: .sequentiallyConsistent) & 0xffff_ffff == 0,
      !state.stopping.load(ordering: .sequentiallyConsistent)
    {
      pthread_cond_wait(state.condition, state.mutex)
    }
    state.parked.subtract(1, ordering: .sequentiallyConsistent)
    pthread_mutex_unlock(state.mutex)
  }

  private static func rest(_ state: State, _ seat: WorkerSeat) {
    pthread_mutex_lock(state.mutex)
    while seat.isResting.load(ordering: .relaxed), !state.stopping.load(ordering: .relaxed) {
      pthread_cond_wait(state.returning, state.mutex)
    }
    pthread_mutex_unlock(state.mutex)
  }

  private static func now() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
  }
}
