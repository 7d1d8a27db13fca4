import GPTJSON
package import GPTTensor

/// A safetensors file, mapped and read in place.
///
///     8 bytes  N, the header's length, little-endian
///     N bytes  JSON: {"name": {"dtype", "shape", "data_offsets": [begin, end]}, …, "__metadata__"}
///     rest     the tensors, in the order of their offsets, without holes
///
/// - Source: https://github.com/huggingface/safetensors#format
package struct SafetensorsFile: WeightSource {
  /// The reference reader's limit on N (`MAX_HEADER_SIZE`).
  static let maximumHeaderBytes = 100_000_000

  package let file: MappedFile
  package let metadata: [String: String]
  private let table: TensorTable
  private let dataStart: Int

  package var path: String { file.path }
  package var location: String { file.name }
  package var tensorNames: [String] { table.names }

  package init(path: String) throws(WeightsError) {
    do throws(FileError) { file = try MappedFile(path: path) } catch { throw .file(error) }
    let header = try Self.headerBytes(of: file)
    dataStart = 8 + header.count
    let parsed = try SafetensorsHeader(
      header, dataLength: file.bytes.count - dataStart, file: file.name)
    table = parsed.table
    metadata = parsed.metadata
  }

  package func tensor(named name: String) -> StoredTensor? {
    table.tensor(named: name, in: file, dataStart: dataStart)
  }

  package func unsupportedType(of name: String) -> String? { table.unsupportedType(of: name) }

  private static func headerBytes(of file: MappedFile) throws(WeightsError)
    -> UnsafeRawBufferPointer
  {
    let bytes = file.bytes
    guard bytes.count >= 8 else {
      throw .invalid(
        file: file.name, item: "the file", found: "ends after \(bytes.count) bytes",
        expected: "a header length of 8 bytes")
    }
    let length = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
    let limit = min(maximumHeaderBytes, bytes.count - 8)
    guard length >= 2, length <= UInt64(limit) else {
      throw otherFormat(file)
        ?? .invalid(
          file: file.name, item: "the header", found: "says it has \(length) bytes",
          expected: "2 to \(limit)")
    }
    let header = UnsafeRawBufferPointer(rebasing: bytes[8..<8 + Int(length)])
    guard header.first == UInt8(ascii: "{") else {
      throw otherFormat(file)
        ?? .invalid(
          file: file.name, item: "the header",
          found: "begins with byte 0x\(String(header[0], radix: 16))", expected: "'{'")
    }
    return header
  }

  private static func otherFormat(_ file: MappedFile) -> WeightsError? {
    guard let signature = FileSignature(of: file.bytes) else { return nil }
    return .otherFormat(
      file: file.name, found: signature.found, expected: "a safetensors file",
      hint: signature.hint)
  }
}
