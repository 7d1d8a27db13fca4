/// A token's bytes as a dictionary key.
///
/// `String` compares by canonical equivalence, under which "é" and "e\u{301}" are one key; tokens
/// are different whenever their bytes are.
struct TokenText: Hashable, Sendable {
  let bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }
  init(_ text: String) { bytes = Array(text.utf8) }

  func hash(into hasher: inout Hasher) {
    bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
  }
}
