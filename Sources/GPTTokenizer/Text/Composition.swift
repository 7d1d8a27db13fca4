internal import Foundation

/// Unicode normalisation form C.
package enum Composition {
  package static func nfc(_ text: String) -> String {
    text.utf8.allSatisfy { $0 < 0x80 } ? text : text.precomposedStringWithCanonicalMapping
  }
}
