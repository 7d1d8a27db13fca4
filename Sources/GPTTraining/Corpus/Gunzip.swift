internal import CZlib

/// Unpacks gzip data that come in blocks; several members one after another are one text, and zeros
/// behind one are padding, as gzip itself has it.
///
/// - Source: RFC 1952; zlib.h of zlib 1.2
final class Gunzip {
  static let magic: [UInt8] = [0x1f, 0x8b]
  private static let blockBytes = 1 << 18
  /// 15: the largest window; 16 more: a gzip header is expected (zlib.h, inflateInit2).
  private static let windowBits: Int32 = 15 + 16

  /// Lives at a fixed place: zlib keeps its address.
  private let stream: UnsafeMutablePointer<z_stream>
  private let location: String
  private var input: [UInt8] = []
  private var position = 0
  private var isInsideMember = true
  private var hasMoreOutput = false

  init(location: String) throws(TrainingError) {
    self.location = location
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    let code = inflateInit2_(
      stream, Self.windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    guard code == Z_OK else {
      throw .invalid(location: location, found: "zlib error \(code)", expected: "a usable zlib")
    }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  /// To be called when `next` has returned nil.
  func feed(_ block: [UInt8]) {
    input = block
    position = 0
  }

  /// Unpacked bytes, nil when more input is needed.
  func next() throws(TrainingError) -> [UInt8]? {
    while position < input.count || hasMoreOutput {
      if !isInsideMember {
        while position < input.count, input[position] == 0 { position += 1 }
        guard position < input.count else { return nil }
        inflateReset(stream)
        isInsideMember = true
      }
      var code = Z_OK
      let output = [UInt8](unsafeUninitializedCapacity: Self.blockBytes) { buffer, count in
        (code, count) = inflate(into: buffer)
      }
      switch code {
      case Z_OK, Z_BUF_ERROR: hasMoreOutput = output.count == Self.blockBytes
      case Z_STREAM_END:
        isInsideMember = false
        hasMoreOutput = false
      default:
        let reason = stream.pointee.msg.map { String(cString: $0) } ?? "error \(code)"
        throw .invalid(
          location: location, found: "damaged gzip data (\(reason))", expected: "a whole gzip file")
      }
      if !output.isEmpty { return output }
    }
    return nil
  }

  private func inflate(into output: UnsafeMutableBufferPointer<UInt8>) -> (Int32, Int) {
    input.withUnsafeMutableBufferPointer { input in
      stream.pointee.next_in = input.baseAddress.map { $0 + position }
      stream.pointee.avail_in = UInt32(input.count - position)
      stream.pointee.next_out = output.baseAddress
      stream.pointee.avail_out = UInt32(output.count)
      let code = CZlib.inflate(stream, Z_NO_FLUSH)
      position = input.count - Int(stream.pointee.avail_in)
      return (code, output.count - Int(stream.pointee.avail_out))
    }
  }

  func checkEnd() throws(TrainingError) {
    guard isInsideMember else { return }
    throw .invalid(
      location: location, found: "gzip data that end too early", expected: "a whole gzip file")
  }
}
