/// What was said in a session, in order.
public struct Transcript: Sendable, Equatable {
  public enum Role: String, Sendable, CaseIterable {
    case system, user, assistant
  }

  public struct Entry: Sendable, Equatable {
    public var role: Role
    public var content: String

    public init(role: Role, content: String) {
      self.role = role
      self.content = content
    }
  }

  public var entries: [Entry]

  public init(entries: [Entry] = []) { self.entries = entries }

  /// Without the oldest question and what follows it up to the next one; nil when only one is left.
  func droppingOldestTurn() -> Transcript? {
    let questions = entries.indices.filter { entries[$0].role == .user }
    guard questions.count > 1 else { return nil }
    var shorter = self
    shorter.entries.removeSubrange(questions[0]..<questions[1])
    return shorter
  }
}
