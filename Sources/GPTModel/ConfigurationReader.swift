import GPTJSON
import GPTTensor
import GPTWeights

/// Limits on what a configuration may claim, far above any published model: they keep later
/// arithmetic from overflowing and loops from running for ever.
enum ConfigurationLimit {
  static let vocabulary = 1 << 24
  static let context = 1 << 24
  static let width = 1 << 20
  static let blocks = 1 << 14
  static let heads = 1 << 16
}

/// Typed access to the hyper-parameters of a model, whichever file they stand in.
protocol ConfigurationReader {
  var location: String { get }
  /// The value as an exact integer, nil when absent or null.
  func integerValue(_ key: String) throws(ModelError) -> Int?
  func numberValue(_ key: String) throws(ModelError) -> Double?
  func booleanValue(_ key: String) throws(ModelError) -> Bool?
  func stringValue(_ key: String) throws(ModelError) -> String?
}

extension ConfigurationReader {
  func problem(_ key: String, found: String, expected: String) -> ModelError {
    .configuration(location: location, key: key, found: found, expected: expected)
  }

  /// An integer of `1...limit`; the first of `keys` that is present counts.
  func size(_ keys: [String], limit: Int, default fallback: Int? = nil) throws(ModelError) -> Int {
    for key in keys {
      guard let value = try integerValue(key) else { continue }
      guard value >= 1 && value <= limit else {
        throw problem(key, found: "\(value)", expected: "1…\(limit)")
      }
      return value
    }
    if let fallback { return fallback }
    throw problem(keys[0], found: "missing", expected: "1…\(limit)")
  }

  func size(_ key: String, limit: Int, default fallback: Int? = nil) throws(ModelError) -> Int {
    try size([key], limit: limit, default: fallback)
  }

  /// A finite number above zero.
  func positive(_ key: String, default fallback: Double? = nil) throws(ModelError) -> Double {
    guard let value = try numberValue(key) ?? fallback else {
      throw problem(key, found: "missing", expected: "a number above 0")
    }
    guard value > 0 && value.isFinite else {
      throw problem(key, found: "\(value)", expected: "a number above 0")
    }
    return value
  }

  func epsilon(_ key: String, default fallback: Double? = nil) throws(ModelError) -> Float {
    let value = try positive(key, default: fallback)
    guard value < 1, Float(value) > 0 else {
      throw problem(key, found: "\(value)", expected: "a number between 0 and 1")
    }
    return Float(value)
  }

  func flag(_ key: String, default fallback: Bool) throws(ModelError) -> Bool {
    try booleanValue(key) ?? fallback
  }

  /// G must divide H.
  func checkHeads(_ configuration: ModelConfiguration, headKey: String, groupKey: String)
    throws(ModelError)
  {
    let heads = configuration.headCount
    guard heads % configuration.keyValueHeadCount == 0 else {
      throw problem(
        groupKey, found: "\(configuration.keyValueHeadCount)",
        expected: "a divisor of the \(heads) heads of \(headKey)")
    }
  }

  /// D = C / H, which must come out even.
  func dividedWidth(_ width: Int, heads: Int, headKey: String, widthKey: String)
    throws(ModelError) -> Int
  {
    guard width % heads == 0 else {
      throw problem(headKey, found: "\(heads)", expected: "a divisor of \(widthKey) \(width)")
    }
    return width / heads
  }
}

/// config.json, or an object inside it.
struct JSONConfiguration: ConfigurationReader {
  let object: JSONObject
  let location: String
  /// Put before key names in messages: "rope_scaling.".
  var prefix = ""

  private func present(_ key: String) -> JSONValue? {
    guard let value = object[key], !value.isNull else { return nil }
    return value
  }

  func wrong(_ key: String, _ value: JSONValue, _ expected: String) -> ModelError {
    let text: String
    switch value {
    case .array, .object: text = value.kind
    default: text = String(value.encoded().prefix(60))
    }
    return problem(prefix + key, found: text, expected: expected)
  }

  func integerValue(_ key: String) throws(ModelError) -> Int? {
    guard let value = present(key) else { return nil }
    guard let integer = value.integer else { throw wrong(key, value, "an integer") }
    return integer
  }

  func numberValue(_ key: String) throws(ModelError) -> Double? {
    guard let value = present(key) else { return nil }
    guard let number = value.double else { throw wrong(key, value, "a number") }
    return number
  }

  func booleanValue(_ key: String) throws(ModelError) -> Bool? {
    guard let value = present(key) else { return nil }
    guard let boolean = value.boolean else { throw wrong(key, value, "true or false") }
    return boolean
  }

  func stringValue(_ key: String) throws(ModelError) -> String? {
    guard let value = present(key) else { return nil }
    guard let string = value.string else { throw wrong(key, value, "a string") }
    return string
  }

  func objectValue(_ key: String) throws(ModelError) -> JSONConfiguration? {
    guard let value = present(key) else { return nil }
    guard let object = value.object else { throw wrong(key, value, "an object") }
    return JSONConfiguration(object: object, location: location, prefix: prefix + key + ".")
  }

  /// A token id or a list of them; ids out of range count for nothing.
  func tokenIDs(_ key: String) -> [Int32] {
    guard let value = present(key) else { return [] }
    return (value.array ?? [value]).compactMap { $0.integer.flatMap(Int32.init(exactly:)) }
  }
}

/// Metadata of a GGUF file; keys are given without the architecture's name.
struct GGUFConfiguration: ConfigurationReader {
  let file: GGUFFile
  let architecture: String
  var location: String { file.location }

  private func full(_ key: String) -> String { "\(architecture).\(key)" }

  private func read<Value>(_ body: () throws(WeightsError) -> Value) throws(ModelError) -> Value {
    do { return try body() } catch { throw .weights(error) }
  }

  func integerValue(_ key: String) throws(ModelError) -> Int? {
    try read { () throws(WeightsError) in try file.integer(full(key)) }
  }

  func numberValue(_ key: String) throws(ModelError) -> Double? {
    try read { () throws(WeightsError) in try file.number(full(key)) }
  }

  func booleanValue(_ key: String) throws(ModelError) -> Bool? {
    try read { () throws(WeightsError) in try file.boolean(full(key)) }
  }

  func stringValue(_ key: String) throws(ModelError) -> String? {
    try read { () throws(WeightsError) in try file.string(full(key)) }
  }
}
