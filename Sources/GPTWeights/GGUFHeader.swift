import GPTTensor

/// Everything in front of a GGUF file's data: metadata and the list of tensors.
///
///     magic "GGUF", version (u32), tensor count (u64), key count (u64)
///     keys     name, type (u32), value
///     tensors  name, dimension count (u32), dimensions innermost first (u64 each),
///              type (u32), offset into the data (u64, a multiple of the alignment)
///     padding to the alignment, then the data
///
/// - Source: ggml-org/ggml, `docs/gguf.md`
struct GGUFHeader {
  /// A key's length is at most 2^16 - 1 (specification).
  static let maximumKeyBytes = 65_535
  /// The reference reader's `GGML_MAX_NAME` is 64 with the closing NUL.
  static let maximumTensorNameBytes = 63
  /// The specification's limit, and the reference reader's `GGML_MAX_DIMS`.
  static let maximumRank = 4
  static let defaultAlignment = 32
  /// Published files use 32; a page of 2 MiB is the most that could make sense.
  static let maximumAlignment = 2 << 20
  /// Published models have under 10^5 tensors and 10^4 keys: these bound the tables' memory.
  static let maximumTensors = 1 << 20
  static let maximumKeys = 1 << 20
  /// Published vocabularies have under 10^6 tokens or merges.
  static let maximumStrings = 1 << 24
  /// The shortest key: length, one byte, type, value. The shortest tensor: name of one byte, rank
  /// one.
  private static let smallestKey = 8 + 1 + 4 + 1
  private static let smallestTensor = 8 + 1 + 4 + 8 + 4 + 8

  let version: Int
  private(set) var keys: [String] = []
  private(set) var fields: [String: GGUFField] = [:]
  private(set) var table = TensorTable()
  private(set) var dataStart = 0
  private var alignment = defaultAlignment
  private var cursor: GGUFCursor

  init(_ file: MappedFile) throws(WeightsError) {
    version = try Self.version(of: file)
    cursor = GGUFCursor(file.bytes, file: file.name, position: 8)
    let tensors = try cursor.integer(UInt64.self, "the tensor count")
    let keys = try cursor.integer(UInt64.self, "the key count")
    let keyCount = try cursor.demand(
      keys, of: Self.smallestKey, limit: Self.maximumKeys, "the key count")
    fields.reserveCapacity(keyCount)
    for index in 0..<keyCount { try readKey(index) }
    try readAlignment()
    let tensorCount = try cursor.demand(
      tensors, of: Self.smallestTensor, limit: Self.maximumTensors, "the tensor count")
    try readTensors(tensorCount)
  }

  private static func version(of file: MappedFile) throws(WeightsError) -> Int {
    guard file.bytes.starts(with: "GGUF".utf8) else {
      let signature = FileSignature(of: file.bytes)
      let head = file.bytes.prefix(4).map { String($0, radix: 16) }.joined(separator: " ")
      throw .otherFormat(
        file: file.name, found: signature?.found ?? "a file that begins with bytes \(head)",
        expected: "a GGUF file", hint: signature?.hint)
    }
    var cursor = GGUFCursor(file.bytes, file: file.name, position: 4)
    let version = try cursor.integer(UInt32.self, "the version")
    guard version == 2 || version == 3 else {
      let bigEndian = (1...3).contains(version.byteSwapped)
      throw .invalid(
        file: file.name, item: "GGUF",
        found: bigEndian ? "is big-endian" : "is of version \(version)",
        expected: bigEndian ? "little-endian" : "version 2 or 3")
    }
    return Int(version)
  }
}

// MARK: Metadata

extension GGUFHeader {
  private mutating func readKey(_ index: Int) throws(WeightsError) {
    let range = try cursor.text(limit: Self.maximumKeyBytes, "the name of key \(index)")
    guard !range.isEmpty, let key = String(validating: cursor.bytes[range], as: UTF8.self) else {
      throw .invalid(
        file: cursor.file, item: "key \(index)",
        found: range.isEmpty ? "has no name" : "has a name that is not UTF-8",
        expected: "a name in UTF-8")
    }
    let item = WeightsError.key(key)
    let type = try valueType(of: item)
    let field = try type == .array ? arrayField(item) : scalarField(type, item)
    guard fields.updateValue(field, forKey: key) == nil else {
      throw .invalid(file: cursor.file, item: item, found: "stands twice", expected: "once")
    }
    keys.append(key)
  }

  private mutating func valueType(of item: String) throws(WeightsError) -> GGUFValueType {
    let number = try cursor.integer(UInt32.self, "the type of \(item)")
    guard let type = GGUFValueType(rawValue: number) else {
      throw .invalid(
        file: cursor.file, item: item, found: "is of value type \(number)", expected: "0 to 12")
    }
    return type
  }

  private mutating func scalarField(
    _ type: GGUFValueType, _ item: String
  ) throws(WeightsError) -> GGUFField {
    guard let size = type.size else {
      return GGUFField(type: type, range: try cursor.text(limit: .max, "the value of \(item)"))
    }
    let start = try cursor.skip(size, "the value of \(item)")
    if type == .boolean { try checkBooleans(start..<start + 1, item) }
    return GGUFField(type: type, range: start..<start + size)
  }

  private mutating func arrayField(_ item: String) throws(WeightsError) -> GGUFField {
    let elements = try valueType(of: item)
    guard elements != .array else {
      throw .invalid(
        file: cursor.file, item: item, found: "is an array of arrays",
        expected: "an array of numbers, booleans or strings")
    }
    let stated = try cursor.integer(UInt64.self, "the length of \(item)")
    let count = try cursor.demand(
      stated, of: elements.size ?? 8, limit: elements == .string ? Self.maximumStrings : .max,
      "the length of \(item)")
    let start = cursor.position
    if let size = elements.size {
      // `demand` has compared the product with the rest of the file.
      try cursor.skip(count * size, item)
      if elements == .boolean { try checkBooleans(start..<cursor.position, item) }
    } else {
      for _ in 0..<count { _ = try cursor.text(limit: .max, "a string of \(item)") }
    }
    return GGUFField(
      type: .array, elements: elements, count: count, range: start..<cursor.position)
  }

  /// The specification calls a boolean other than 0 and 1 invalid.
  private func checkBooleans(_ range: Range<Int>, _ item: String) throws(WeightsError) {
    guard let wrong = cursor.bytes[range].first(where: { $0 > 1 }) else { return }
    throw .invalid(
      file: cursor.file, item: item, found: "has a boolean of value \(wrong)", expected: "0 or 1")
  }

  private mutating func readAlignment() throws(WeightsError) {
    let key = "general.alignment"
    guard let field = fields[key] else { return }
    guard field.type == .uint32,
      let value = GGUFField.scalar(
        .uint32, at: field.range.lowerBound, of: cursor.bytes), case .integer(let number) = value
    else {
      throw .invalid(
        file: cursor.file, item: WeightsError.key(key), found: field.phrase + " of another type",
        expected: "an unsigned integer of 32 bits")
    }
    guard number >= 8, number <= Self.maximumAlignment, number & (number - 1) == 0 else {
      throw .invalid(
        file: cursor.file, item: WeightsError.key(key), found: "is \(number)",
        expected: "a power of two from 8 to \(Self.maximumAlignment)")
    }
    alignment = number
  }
}

// MARK: Tensors

extension GGUFHeader {
  private mutating func readTensors(_ count: Int) throws(WeightsError) {
    table.reserve(count)
    var dataEnd = 0
    for index in 0..<count {
      let entry = try readTensor(index)
      dataEnd = max(dataEnd, entry.range.upperBound)
      guard table.insert(entry) else {
        throw .tensor(entry.name, file: cursor.file, found: "is listed twice", expected: "once")
      }
    }
    let padded = (cursor.position + alignment - 1) / alignment * alignment
    try checkPadding(upTo: min(padded, cursor.bytes.count))
    // A file without tensors may end without padding.
    dataStart = count == 0 ? min(padded, cursor.bytes.count) : padded
    let available = max(0, cursor.bytes.count - padded)
    guard dataEnd <= available else {
      throw .invalid(
        file: cursor.file, item: "the data", found: "has \(available) bytes",
        expected: "\(dataEnd), where the last tensor ends")
    }
    _ = try table.checkLayout(alignment: alignment, file: cursor.file)
  }

  /// Padding is zero bytes (specification). Others mean that a tensor stands here which the count
  /// leaves out, and that the data begins elsewhere.
  private func checkPadding(upTo end: Int) throws(WeightsError) {
    guard let wrong = cursor.bytes[cursor.position..<end].first(where: { $0 != 0 }) else { return }
    throw .invalid(
      file: cursor.file, item: "the padding after the list of tensors",
      found: "has byte 0x\(String(wrong, radix: 16))", expected: "zero bytes")
  }

  private mutating func readTensor(_ index: Int) throws(WeightsError) -> TensorEntry {
    let name = try tensorName(index)
    let item = WeightsError.tensor(name)
    let shape = try shape(of: name)
    let number = try cursor.integer(UInt32.self, "the type of \(item)")
    guard let type = GGMLType(number: number) else {
      throw .tensor(
        name, file: cursor.file, found: "is of type \(number), removed or unknown",
        expected: "a type of GGUF version 3")
    }
    let length = try byteCount(of: name, shape: shape, type: type)
    let offset = try cursor.integer(UInt64.self, "the offset of \(item)")
    guard offset <= UInt64(cursor.bytes.count) - UInt64(length) else {
      throw .tensor(
        name, file: cursor.file, found: "has \(length) bytes at data offset \(offset)",
        expected: "an end inside the file of \(cursor.bytes.count) bytes")
    }
    return TensorEntry(
      name: name, type: type.stored, shape: shape, range: Int(offset)..<Int(offset) + length)
  }

  private mutating func tensorName(_ index: Int) throws(WeightsError) -> String {
    let item = "the name of tensor \(index)"
    let range = try cursor.text(limit: Self.maximumTensorNameBytes, item)
    guard let name = String(validating: cursor.bytes[range], as: UTF8.self) else {
      throw .invalid(
        file: cursor.file, item: item, found: "is not UTF-8", expected: "a name in UTF-8")
    }
    if let problem = problem(withTensorName: name) {
      throw .tensor(name, file: cursor.file, found: problem, expected: "a printable name")
    }
    return name
  }

  /// The dimensions, outermost first; the file gives them innermost first.
  private mutating func shape(of name: String) throws(WeightsError) -> [Int] {
    let item = WeightsError.tensor(name)
    let rank = try cursor.integer(UInt32.self, "the dimension count of \(item)")
    guard rank >= 1, rank <= Self.maximumRank else {
      throw .tensor(
        name, file: cursor.file, found: "has \(rank) dimensions",
        expected: "1 to \(Self.maximumRank)")
    }
    var shape: [Int] = []
    for _ in 0..<rank {
      let stated = try cursor.integer(UInt64.self, "the dimensions of \(item)")
      guard let dimension = Int(exactly: stated), dimension > 0 else {
        throw .tensor(
          name, file: cursor.file, found: "has a dimension of \(stated)",
          expected: "1 to 2^63 - 1")
      }
      shape.append(dimension)
    }
    return shape.reversed()
  }

  private func byteCount(
    of name: String, shape: [Int], type: GGMLType
  ) throws(WeightsError) -> Int {
    guard let columns = shape.last, columns % type.blockLength == 0 else {
      throw .tensor(
        name, file: cursor.file, found: "has rows of \(shape.last ?? 0) elements in \(type.name)",
        expected: "a multiple of \(type.blockLength)")
    }
    let blocks = elementCount(of: shape).map { $0 / type.blockLength }
    let (bytes, overflow) =
      blocks?.multipliedReportingOverflow(by: type.blockBytes) ?? (0, true)
    guard !overflow, bytes <= cursor.bytes.count else {
      throw .tensor(
        name, file: cursor.file, found: "is \(shape) in \(type.name)",
        expected: "at most the \(cursor.bytes.count) bytes of the file")
    }
    return bytes
  }
}
