// Foundation has the same, at the price of its 8 MB in every process.
@_spi(_Unicode) private import Swift

/// Unicode normalisation form C.
package enum Composition {
  package static func nfc(_ text: String) -> String {
    guard !text.utf8.allSatisfy({ $0 < 0x80 }) else { return text }
    var result = String.UnicodeScalarView()
    for scalar in text._nfc { result.append(scalar) }
    return String(result)
  }
}
