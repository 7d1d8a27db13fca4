import GPTJSON
import GPTTensor

/// The JSON header of a safetensors file, checked against the length of the data behind it.
struct SafetensorsHeader {
  /// An entry nests three levels: the header, the tensor, its shape.
  static let maximumDepth = 4
  /// Bounds the memory of the parsed header: about 600,000 tensors.
  static let maximumValues = 4_000_000
  /// No published checkpoint has tensors of more dimensions.
  static let maximumRank = 8

  private(set) var table = TensorTable()
  private(set) var metadata: [String: String] = [:]
  private let file: String
  private let dataLength: Int

  init(_ header: UnsafeRawBufferPointer, dataLength: Int, file: String) throws(WeightsError) {
    self.file = file
    self.dataLength = dataLength
    let object = try Self.parse(header, file: file)
    table.reserve(object.count)
    for (name, value) in object.members {
      if name == "__metadata__" {
        try readMetadata(value)
      } else {
        try readTensor(name, value)
      }
    }
    let end = try table.checkLayout(alignment: 1, file: file)
    guard end == dataLength else {
      throw .invalid(
        file: file, item: "the data", found: "has \(dataLength) bytes",
        expected: "\(end), where the last tensor ends")
    }
  }

  private static func parse(
    _ header: UnsafeRawBufferPointer, file: String
  ) throws(WeightsError) -> JSONObject {
    var separators = 0
    for byte in header where byte == UInt8(ascii: ",") { separators += 1 }
    guard separators < maximumValues else {
      throw .invalid(
        file: file, item: "the header", found: "has \(separators) commas",
        expected: "fewer than \(maximumValues)")
    }
    var limits = JSONLimits()
    limits.depth = maximumDepth
    limits.bytes = SafetensorsFile.maximumHeaderBytes
    do throws(JSONError) {
      guard let object = try JSONParser.parse(header, limits: limits).object else {
        preconditionFailure("a JSON text that begins with '{' was not parsed as an object")
      }
      return object
    } catch {
      throw .json(file: file, part: "header", error: error)
    }
  }

  private mutating func readMetadata(_ value: JSONValue) throws(WeightsError) {
    guard let object = value.object else {
      throw .invalid(
        file: file, item: "__metadata__", found: "is \(value.kind)", expected: "an object")
    }
    for (key, value) in object.members {
      guard let text = value.string else {
        throw .invalid(
          file: file, item: "__metadata__ \(WeightsError.key(key))", found: "is \(value.kind)",
          expected: "a string")
      }
      metadata[key] = text
    }
  }

  private mutating func readTensor(_ name: String, _ value: JSONValue) throws(WeightsError) {
    if let problem = problem(withTensorName: name) {
      throw .tensor(name, file: file, found: problem, expected: "a printable name")
    }
    guard let object = value.object else {
      throw .tensor(name, file: file, found: "is \(value.kind)", expected: "an object")
    }
    let (type, bits) = try dtype(of: name, object["dtype"])
    let shape = try shape(of: name, object["shape"])
    let range = try offsets(of: name, object["data_offsets"])
    guard let count = elementCount(of: shape) else {
      throw .tensor(name, file: file, found: "is \(shape)", expected: "fewer than 2^63 elements")
    }
    let (total, overflow) = count.multipliedReportingOverflow(by: bits)
    guard !overflow, total % 8 == 0, total / 8 == range.count else {
      let size = overflow ? "more than 2^63 bits" : "\(total) bits"
      throw .tensor(
        name, file: file, found: "has \(range.count) bytes of data",
        expected: "\(size) for shape \(shape)")
    }
    let entry = TensorEntry(name: name, type: type, shape: shape, range: range)
    guard table.insert(entry) else {
      throw .tensor(name, file: file, found: "is listed twice", expected: "once")
    }
  }

  /// The type and the bits of one element.
  private func dtype(
    of name: String, _ value: JSONValue?
  ) throws(WeightsError) -> (StoredType, bits: Int) {
    guard let text = value?.string else {
      throw .tensor(
        name, file: file, found: "has \(value?.kind ?? "nothing") as dtype", expected: "a string")
    }
    switch text {
    case "F32": return (.readable(.f32), 32)
    case "F16": return (.readable(.f16), 16)
    case "BF16": return (.readable(.bf16), 16)
    case "F4": return (.unsupported(text), 4)
    case "F6_E2M3", "F6_E3M2": return (.unsupported(text), 6)
    case "BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ":
      return (.unsupported(text), 8)
    case "U16", "I16": return (.unsupported(text), 16)
    case "U32", "I32": return (.unsupported(text), 32)
    case "U64", "I64", "F64", "C64": return (.unsupported(text), 64)
    default:
      throw .tensor(
        name, file: file, found: "has dtype '\(text.printable(limit: 20))'",
        expected: "a dtype of the safetensors format, such as F32, F16 or BF16")
    }
  }

  private func shape(of name: String, _ value: JSONValue?) throws(WeightsError) -> [Int] {
    guard let list = value?.array else {
      throw .tensor(
        name, file: file, found: "has \(value?.kind ?? "nothing") as shape", expected: "an array")
    }
    guard list.count <= Self.maximumRank else {
      throw .tensor(
        name, file: file, found: "has \(list.count) dimensions",
        expected: "at most \(Self.maximumRank)")
    }
    var shape: [Int] = []
    for element in list {
      guard let dimension = element.integer, dimension >= 0 else {
        throw .tensor(
          name, file: file, found: "has \(Self.text(element)) as a dimension",
          expected: "an integer from 0 to 2^63 - 1")
      }
      shape.append(dimension)
    }
    return shape
  }

  private func offsets(of name: String, _ value: JSONValue?) throws(WeightsError) -> Range<Int> {
    guard let list = value?.array, list.count == 2, let begin = list[0].integer,
      let end = list[1].integer
    else {
      let found = value.map(Self.text) ?? "nothing"
      throw .tensor(
        name, file: file, found: "has \(found) as data_offsets", expected: "two integers")
    }
    guard begin >= 0, begin <= end, end <= dataLength else {
      throw .tensor(
        name, file: file, found: "has data_offsets [\(begin), \(end)]",
        expected: "begin ≤ end ≤ \(dataLength), the bytes of data in the file")
    }
    return begin..<end
  }

  private static func text(_ value: JSONValue) -> String {
    switch value {
    case .object, .string: value.kind
    case .array(let list) where list.count > 4: "an array of \(list.count) values"
    default: value.encoded().printable(limit: 60)
    }
  }
}
