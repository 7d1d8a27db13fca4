internal import ArgumentParser
internal import GPTJSON

/// The options of a command as values by name, so that a run can be gone on with.
///
/// Found by reflection: no option can be forgotten. Names are the ones that ArgumentParser makes of
/// properties; options with names of their own would not come back.
enum OptionValues {
  /// What was given or filled in, in the order of declaration; flags only when they are set.
  static func of(_ arguments: some ParsableArguments) -> JSONObject {
    JSONObject(members(arguments))
  }

  private static func members(_ arguments: Any) -> [(String, JSONValue)] {
    var result: [(String, JSONValue)] = []
    for child in Mirror(reflecting: arguments).children {
      guard let label = child.label, label.hasPrefix("_") else { continue }
      if let group = child.value as? any GroupedOptions {
        result += members(group.group)
      } else if let option = child.value as? any NamedOption, let value = option.json {
        result.append((name(ofProperty: String(label.dropFirst())), value))
      }
    }
    return result
  }

  /// `learningRate` → `learning-rate`
  private static func name(ofProperty property: String) -> String {
    property.reduce(into: "") { name, character in
      name += character.isUppercase ? "-" + character.lowercased() : String(character)
    }
  }

  /// Command-line arguments that parse into the same values; lists are positional.
  static func arguments(_ values: JSONObject) -> [String] {
    var named: [String] = []
    var positional: [String] = []
    for (name, value) in values.members {
      switch value {
      case .boolean(let isSet): named += isSet ? ["--\(name)"] : []
      // Joined, so that a value that begins with a dash is not taken for an option.
      case .string(let text): named.append("--\(name)=\(text)")
      case .array(let list): positional += list.compactMap(\.string)
      default: named.append("--\(name)=\(value.encoded())")
      }
    }
    return named + ["--"] + positional
  }
}

private protocol GroupedOptions { var group: Any { get } }
private protocol NamedOption { var json: JSONValue? { get } }

extension OptionGroup: GroupedOptions {
  fileprivate var group: Any { wrappedValue }
}

extension Option: NamedOption {
  fileprivate var json: JSONValue? { value(of: wrappedValue) }
}

extension Argument: NamedOption {
  fileprivate var json: JSONValue? {
    (wrappedValue as? [String]).map { .array($0.map { .string($0) }) }
  }
}

extension Flag: NamedOption {
  fileprivate var json: JSONValue? {
    (wrappedValue as? Bool).flatMap { $0 ? .boolean(true) : nil }
  }
}

/// nil for an optional without a value.
private func value(of any: Any) -> JSONValue? {
  switch any {
  case let number as Int: return .integer(number)
  case let number as Double: return .number(number)
  default: break
  }
  let mirror = Mirror(reflecting: any)
  guard mirror.displayStyle == .optional else { return .string(String(describing: any)) }
  return mirror.children.first.flatMap { value(of: $0.value) }
}
