internal import GPTJSON

/// What a measurement found: an object for programs, lines for people.
struct BenchReport {
  let members: [(String, JSONValue)]
  let lines: [String]

  init(members: [(String, JSONValue)], lines: [String]) {
    self.members = members
    self.lines = lines
  }

  /// Every member on a line of its own.
  init(members: [(String, JSONValue)]) {
    self.init(
      members: members,
      lines: members.map { name, value in
        let padding = String(repeating: " ", count: max(1, 26 - name.count))
        let text = value.string ?? value.double.map { $0.rounded(to: value.integer == nil ? 4 : 0) }
        return name + padding + (text ?? "")
      })
  }

  func write(json: Bool) throws {
    guard !json else {
      return try StandardOutput.shared.writeLine(JSONValue(members: members).encoded())
    }
    for line in lines { try StandardOutput.shared.writeLine(line) }
  }

  /// Names in a column, what is said of them behind.
  static func lines(_ rows: [(String, String)]) -> [String] {
    let width = rows.map(\.0.count).max() ?? 0
    return rows.map { name, text in
      name + String(repeating: " ", count: width - name.count + 3) + text
    }
  }
}

extension Double {
  /// As "31.4 G" with `unit` behind, for figures of a machine.
  func billions(_ unit: String) -> String { "\((self / 1e9).rounded(to: 1)) G\(unit)" }

  var percent: String { "\((self * 100).rounded(to: 0)) %" }
}
