import Glibc

/// Where the time of passes goes, stage by stage.
///
/// A recorder that a pass may carry: at the end of each stage it adds the time since the end of the
/// one before. Without one a pass asks nobody for the time. Used by one thread at a time.
package final class PassProfile {
  /// In the order of a pass. What is computed only when it is read counts with its reader: the MLP's
  /// activation function with `down`.
  package enum Stage: Int, CaseIterable, Sendable {
    /// Rows of the embeddings, room in the cache, angles of positions.
    case embedding
    /// First norm of a block, projections to queries, keys and values, rotation.
    case queryKeyValue
    /// Storing keys and values, and attention over them.
    case attention
    case attentionOutput
    /// Second norm, projections to gate and up.
    case gateUp
    /// Activation function, projection back, residual.
    case down
    /// Last norm, output layer, copy of the logits.
    case output
    case sampling
  }

  private var nanoseconds = [UInt64](repeating: 0, count: Stage.allCases.count)
  private var last: UInt64 = 0

  package init() { begin() }

  /// Time up to now belongs to no stage.
  package func begin() { last = PassProfile.now() }

  /// The time since the last call belongs to `stage`.
  package func end(_ stage: Stage) {
    let now = PassProfile.now()
    nanoseconds[stage.rawValue] += now - last
    last = now
  }

  package func seconds(_ stage: Stage) -> Double { Double(nanoseconds[stage.rawValue]) * 1e-9 }

  /// Of all stages.
  package var seconds: Double { Double(nanoseconds.reduce(0, +)) * 1e-9 }

  private static func now() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
  }
}
