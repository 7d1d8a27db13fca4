package import GPTTensor

/// A GGUF file of version 2 or 3, mapped and read in place.
///
/// Accessors return nil for an absent key and throw for one of another type.
/// Bytes behind the last tensor are ignored, as the reference reader does.
package struct GGUFFile: WeightSource {
  package let file: MappedFile
  package let version: Int
  /// Metadata keys in the file's order.
  package let keys: [String]
  private let fields: [String: GGUFField]
  private let table: TensorTable
  private let dataStart: Int

  package var path: String { file.path }
  package var location: String { file.name }
  package var tensorNames: [String] { table.names }

  package init(path: String) throws(WeightsError) {
    do throws(FileError) { file = try MappedFile(path: path) } catch { throw .file(error) }
    let header = try GGUFHeader(file)
    version = header.version
    keys = header.keys
    fields = header.fields
    table = header.table
    dataStart = header.dataStart
  }

  package func tensor(named name: String) -> StoredTensor? {
    table.tensor(named: name, in: file, dataStart: dataStart)
  }

  package func unsupportedType(of name: String) -> String? { table.unsupportedType(of: name) }

  /// Hands the memory of everything in front of the tensors back; a later access reads it again.
  package func releaseHeader() { file.release(0..<dataStart) }
}

// MARK: Single values

extension GGUFFile {
  package func value(_ key: String) -> GGUFValue? {
    guard let field = fields[key] else { return nil }
    if let elements = field.elements { return .array(elements: elements, count: field.count) }
    return GGUFField.scalar(field.type, at: field.range.lowerBound, of: file.bytes)
      ?? .string(String(decoding: file.bytes[field.range], as: UTF8.self))
  }

  /// A string; bytes that are not UTF-8 appear as U+FFFD.
  package func string(_ key: String) throws(WeightsError) -> String? {
    guard let value = value(key) else { return nil }
    guard case .string(let text) = value else { throw mismatch(key, "a string") }
    return text
  }

  /// An integer of any width that fits in `Int`.
  package func integer(_ key: String) throws(WeightsError) -> Int? {
    guard let value = value(key) else { return nil }
    if case .large(let number) = value {
      throw invalid(key, found: "is \(number)", expected: "at most 2^63 - 1")
    }
    guard case .integer(let number) = value else { throw mismatch(key, "an integer") }
    return number
  }

  /// A fraction, or an integer of any width.
  package func number(_ key: String) throws(WeightsError) -> Double? {
    switch value(key) {
    case nil: return nil
    case .number(let number): return number
    case .integer(let number): return Double(number)
    case .large(let number): return Double(number)
    default: throw mismatch(key, "a number")
    }
  }

  package func boolean(_ key: String) throws(WeightsError) -> Bool? {
    guard let value = value(key) else { return nil }
    guard case .boolean(let flag) = value else { throw mismatch(key, "a boolean") }
    return flag
  }

  /// The value as it stands in the file, to be written into another; nil for an absent key.
  package func rawValue(_ key: String) -> GGUFMetadata? {
    guard let field = fields[key] else { return nil }
    // In front of the value: the types, an array's count, a string's length.
    let head = field.elements != nil ? 16 : field.type == .string ? 12 : 4
    return .raw(Array(file.bytes[field.range.lowerBound - head..<field.range.upperBound]))
  }

  private func mismatch(_ key: String, _ expected: String) -> WeightsError {
    invalid(key, found: fields[key]?.phrase ?? "is missing", expected: expected)
  }

  private func invalid(_ key: String, found: String, expected: String) -> WeightsError {
    .invalid(file: location, item: WeightsError.key(key), found: found, expected: expected)
  }
}

// MARK: Arrays

extension GGUFFile {
  /// The number of elements, without decoding them.
  package func arrayCount(_ key: String) -> Int? {
    fields[key].flatMap { $0.elements == nil ? nil : $0.count }
  }

  /// An array of strings as the file has them, UTF-8 or not.
  package func byteStrings(_ key: String) throws(WeightsError) -> ByteStrings? {
    guard let field = fields[key] else { return nil }
    var result = ByteStrings()
    result.reserveCapacity(field.count, byteCount: max(0, field.range.count - 8 * field.count))
    try forEachString(of: field, key) { result.append($0) }
    return result
  }

  /// An array of strings; bytes that are not UTF-8 appear as U+FFFD.
  package func strings(_ key: String) throws(WeightsError) -> [String]? {
    guard let field = fields[key] else { return nil }
    var result: [String] = []
    result.reserveCapacity(field.count)
    try forEachString(of: field, key) { result.append(String(decoding: $0, as: UTF8.self)) }
    return result
  }

  /// An array of integers of any width.
  package func integers(_ key: String) throws(WeightsError) -> [Int]? {
    guard let (field, type, size) = try fixedArray(key, "an array of integers") else { return nil }
    var result: [Int] = []
    result.reserveCapacity(field.count)
    for index in 0..<field.count {
      let value = GGUFField.scalar(
        type, at: field.range.lowerBound + index * size, of: file.bytes)
      switch value {
      case .integer(let number): result.append(number)
      case .large(let number):
        throw invalid(key, found: "has the element \(number)", expected: "at most 2^63 - 1")
      default: throw mismatch(key, "an array of integers")
      }
    }
    return result
  }

  /// An array of fractions of 32 or 64 bits, as `Float`.
  package func floats(_ key: String) throws(WeightsError) -> [Float]? {
    guard let (field, type, size) = try fixedArray(key, "an array of fractions") else { return nil }
    guard type == .float32 || type == .float64 else { throw mismatch(key, "an array of fractions") }
    let (bytes, start) = (file.bytes, field.range.lowerBound)
    return (0..<field.count).map { index in
      let offset = start + index * size
      return type == .float32
        ? Float(bitPattern: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
        : Float(Double(bitPattern: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
    }
  }

  private func fixedArray(
    _ key: String, _ expected: String
  ) throws(WeightsError) -> (GGUFField, GGUFValueType, size: Int)? {
    guard let field = fields[key] else { return nil }
    guard let elements = field.elements, let size = elements.size else {
      throw mismatch(key, expected)
    }
    return (field, elements, size)
  }

  /// The header's reader has checked every length inside the field's range.
  private func forEachString(
    of field: GGUFField, _ key: String, _ body: (UnsafeRawBufferPointer) -> Void
  ) throws(WeightsError) {
    guard field.elements == .string else { throw mismatch(key, "an array of strings") }
    var position = field.range.lowerBound
    for _ in 0..<field.count {
      let length = Int(
        UInt64(littleEndian: file.bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)))
      let start = position + 8
      body(UnsafeRawBufferPointer(rebasing: file.bytes[start..<start + length]))
      position = start + length
    }
  }
}
