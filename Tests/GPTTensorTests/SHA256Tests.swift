import GPTTensor
import Testing

@Suite struct SHA256Tests {
  /// The examples that NIST publishes with FIPS 180-4, and the empty text.
  static let vectors: [(text: String, digest: String)] = [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    (
      String(repeating: "a", count: 1_000_000),
      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
    ),
  ]

  @Test(arguments: vectors)
  func equalsThePublishedDigests(text: String, digest: String) {
    #expect(SHA256.digest(of: Array(text.utf8)).hexadecimal == digest)
  }

  @Test(arguments: [1, 63, 64, 65, 1000])
  func pieceSizesDoNotMatter(pieceSize: Int) {
    let bytes = (0..<5000).map { UInt8(truncatingIfNeeded: $0 * 7) }
    var hash = SHA256()
    for start in stride(from: 0, to: bytes.count, by: pieceSize) {
      Array(bytes[start..<min(bytes.count, start + pieceSize)]).withUnsafeBytes { hash.update($0) }
    }
    #expect(hash.finish() == SHA256.digest(of: bytes))
  }
}
