package import GPT
package import GPTJSON
internal import GPTTensor

/// The members of one line of a file of items, with the errors for what they are not.
package struct ItemFields {
  package let object: JSONObject
  package let location: String

  func failure(_ found: String, _ expected: String) -> CommandError {
    .invalid(location: location, found: found, expected: expected)
  }

  /// The first of `keys` that is there.
  func key(_ keys: [String]) -> String? { keys.first { object[$0] != nil } }

  /// The string under the first of `keys` that is there.
  func string(_ keys: [String]) throws(CommandError) -> String {
    guard let key = key(keys) else {
      throw failure("no '\(keys[0])'", Self.list(keys, "with a string"))
    }
    guard let text = object[key]?.string else {
      throw failure("\(object[key]?.kind ?? "nothing") in '\(key)'", "a string")
    }
    return text
  }

  /// The strings under the first of `keys` that is there.
  func strings(_ keys: [String]) throws(CommandError) -> [String] {
    guard let key = key(keys) else {
      throw failure("no '\(keys[0])'", Self.list(keys, "with a list of strings"))
    }
    guard let values = object[key]?.array else {
      throw failure("\(object[key]?.kind ?? "nothing") in '\(key)'", "a list of strings")
    }
    var texts: [String] = []
    for value in values {
      guard let text = value.string else {
        throw failure("\(value.kind) in '\(key)'", "a list of strings")
      }
      texts.append(text)
    }
    return texts
  }

  /// The conversation under `key`.
  func messages(_ key: String) throws(CommandError) -> [Transcript.Entry] {
    guard let values = object[key]?.array, !values.isEmpty else {
      let found = object[key]?.array == nil ? object[key]?.kind ?? "nothing" : "no messages"
      throw failure("\(found) in '\(key)'", "a list of messages")
    }
    var entries: [Transcript.Entry] = []
    for (index, value) in values.enumerated() {
      let name = "'\(key)[\(index)]'"
      guard let role = value["role"]?.string, let content = value["content"]?.string else {
        throw failure(
          "\(value.kind) without 'role' or 'content' in \(name)", "an object with both as strings")
      }
      guard let known = Transcript.Role(rawValue: role) else {
        let roles = Transcript.Role.allCases.map(\.rawValue).joined(separator: ", ")
        throw failure("the role '\(role.printable(limit: 40))' in \(name)", "one of \(roles)")
      }
      entries.append(Transcript.Entry(role: known, content: content))
    }
    return entries
  }

  private static func list(_ keys: [String], _ kind: String) -> String {
    "'" + keys.joined(separator: "' or '") + "' \(kind)"
  }
}

/// What an item asks a model: a text or a conversation.
package enum ItemPrompt: Sendable, Equatable {
  case text(String)
  case messages([Transcript.Entry])

  /// As it is shown to people.
  var text: String {
    switch self {
    case .text(let text): text
    case .messages(let entries):
      entries.map { "\($0.role.rawValue): \($0.content)" }.joined(separator: "\n")
    }
  }
}

/// Reads files of items.
package enum EvaluationItems {
  /// Values of all kinds in a line: a list of them takes some hundred bytes for each.
  private static let lineValues = 1 << 16

  /// The items of a file with a JSON object a line; empty lines are left out.
  ///
  /// - Parameter limit: items to read at most
  package static func read<Item>(
    _ path: String, limit: Int? = nil, _ item: (ItemFields) throws(CommandError) -> Item
  ) throws(CommandError) -> [Item] {
    let bytes = try Files.readAll(path: path)
    var items: [Item] = []
    var start = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? 3 : 0
    var number = 0
    while start < bytes.count, items.count < limit ?? .max {
      let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
      number += 1
      let line = bytes[start..<end]
      start = end + 1
      guard line.contains(where: { $0 != 0x20 && $0 != 0x09 && $0 != 0x0d }) else { continue }
      items.append(try item(try fields(line, "\(path): line \(number)")))
    }
    guard !items.isEmpty else {
      throw .invalid(location: path, found: "no items", expected: "a JSON object a line")
    }
    return items
  }

  private static func fields(
    _ line: ArraySlice<UInt8>, _ location: String
  ) throws(CommandError) -> ItemFields {
    var limits = JSONLimits()
    limits.values = lineValues
    let parsed = line.withUnsafeBytes { bytes in
      Result { () throws(JSONError) in try JSONParser.parse(bytes, limits: limits) }
    }
    switch parsed {
    case .failure(let error):
      throw .invalid(location: location, found: error.description, expected: "a JSON object")
    case .success(let value):
      guard let object = value.object else {
        throw .invalid(location: location, found: value.kind, expected: "a JSON object")
      }
      return ItemFields(object: object, location: location)
    }
  }
}
