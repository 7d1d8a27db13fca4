import Synchronization

/// Texts that come from other threads, in their order.
final class TextLog: Sendable {
  private let log = Mutex<[String]>([])
  var texts: [String] { log.withLock { $0 } }
  func append(_ text: String) { log.withLock { $0.append(text) } }
}
