internal import CSentencePiece

/// Owns a model inside libsentencepiece.
///
/// The library's functions on a loaded model are const and keep no state, which is what makes
/// this class safe to share.
final class SentencePieceHandle: @unchecked Sendable {
  private let model: OpaquePointer
  private let location: String

  /// - Precondition: `bytes` have passed `SentencePieceModelFile`.
  init(_ bytes: [UInt8], location: String) throws(TokenizerError) {
    var error: UnsafeMutablePointer<CChar>?
    let model = bytes.withUnsafeBytes { gpt_sp_load($0.baseAddress, $0.count, &error) }
    guard let model else {
      throw .invalid(
        location: location, found: Self.take(&error), expected: "a usable SentencePiece model")
    }
    self.model = model
    self.location = location
  }

  deinit { gpt_sp_close(model) }

  func encode(_ text: UnsafeBufferPointer<UInt8>, into ids: inout [Int32]) throws(TokenizerError) {
    var error: UnsafeMutablePointer<CChar>?
    var found: UnsafeMutablePointer<Int32>?
    let count = text.withMemoryRebound(to: CChar.self) { text in
      gpt_sp_encode(model, text.baseAddress, text.count, &found, &error)
    }
    guard count >= 0, let found else {
      throw .unencodable(location: location, reason: Self.take(&error))
    }
    ids.append(contentsOf: UnsafeBufferPointer(start: found, count: Int(count)))
    gpt_sp_free(found)
  }

  /// Text of `ids`, all of which are in range; nil when the library refuses.
  func decode(_ ids: [Int32]) -> [UInt8]? {
    var error: UnsafeMutablePointer<CChar>?
    var text: UnsafeMutablePointer<CChar>?
    let count = gpt_sp_decode(model, ids, ids.count, &text, &error)
    guard count >= 0, let text else {
      _ = Self.take(&error)
      return nil
    }
    defer { gpt_sp_free(text) }
    return Array(UnsafeRawBufferPointer(start: text, count: Int(count)))
  }

  /// The text of an error, which this releases.
  static func take(_ error: inout UnsafeMutablePointer<CChar>?) -> String {
    guard let text = error else { return "an error without a text" }
    defer {
      gpt_sp_free(text)
      error = nil
    }
    return String(cString: text)
  }
}
