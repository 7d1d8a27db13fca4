import GPTJSON

/// Which modules an adapter_config.json says are adapted.
///
/// A name selects the module of that name and those that end in a dot and the name (peft 0.21,
/// `check_target_module_exists`).
struct ModuleSelection {
  private enum Targets {
    /// The file does not say: whatever has tensors.
    case unknown
    case allLinear
    case names(Set<String>)
  }

  private let targets: Targets
  private let excluded: Set<String>
  /// nil: all.
  private let blocks: Set<Int>?

  init(_ reader: JSONConfiguration) throws(ModelError) {
    switch reader.object["target_modules"] {
    case nil, .null: targets = .unknown
    case .string(let text) where text.lowercased() == "all-linear": targets = .allLinear
    case .some(let value): targets = .names(try Self.names(value, "target_modules", reader))
    }
    switch reader.object["exclude_modules"] {
    case nil, .null: excluded = []
    case .some(let value): excluded = try Self.names(value, "exclude_modules", reader)
    }
    blocks = try Self.blocks(reader)
  }

  /// nil when the file does not say.
  func contains(_ module: AdapterModule) -> Bool? {
    let components = module.name.split(separator: ".")
    let endings = (1...components.count).map { components.suffix($0).joined(separator: ".") }
    if endings.contains(where: excluded.contains) { return false }
    switch targets {
    case .unknown: return nil
    case .allLinear: return true
    case .names(let names):
      if names.contains(module.name) { return true }
      guard endings.contains(where: names.contains) else { return false }
      return blocks?.contains(module.block) ?? true
    }
  }

  private static func names(
    _ value: JSONValue, _ key: String, _ reader: JSONConfiguration
  ) throws(ModelError) -> Set<String> {
    let expected = "a list of names (regular expressions are not supported)"
    guard let list = value.array else { throw reader.wrong(key, value, expected) }
    var result: Set<String> = []
    for item in list {
      guard let name = item.string else {
        throw reader.wrong("an entry of \(key)", item, "a name")
      }
      result.insert(name)
    }
    return result
  }

  private static func blocks(_ reader: JSONConfiguration) throws(ModelError) -> Set<Int>? {
    let key = "layers_to_transform"
    switch reader.object[key] {
    case nil, .null: return nil
    case .integer(let index): return [index]
    case .some(let value):
      guard let list = value.array else { throw reader.wrong(key, value, "a list of integers") }
      var result: Set<Int> = []
      for item in list {
        guard let index = item.integer else {
          throw reader.wrong("an entry of \(key)", item, "an integer")
        }
        result.insert(index)
      }
      // An empty list means all of them.
      return result.isEmpty ? nil : result
    }
  }
}
