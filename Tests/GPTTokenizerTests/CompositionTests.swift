import Foundation
import GPTTokenizer
import Testing

/// Foundation's own implementation is the reference.
@Suite struct CompositionTests {
  @Test func everyScalarComposesAsInFoundation() {
    let wrong = (0x80...0x2ffff).compactMap(Unicode.Scalar.init).filter { scalar in
      let text = String(scalar)
      return !Composition.nfc(text).unicodeScalars.elementsEqual(
        text.precomposedStringWithCanonicalMapping.unicodeScalars)
    }
    #expect(wrong.isEmpty, "\(wrong.prefix(10).map { String($0.value, radix: 16) })")
  }

  @Test(arguments: ["e", "a", "O", "\u{1100}", "ท", "\u{395}"])
  func marksComposeAsInFoundation(base: String) {
    for mark in Array(0x300...0x36f) + Array(0x1161...0x1175) + [0x11a8, 0xe38] {
      guard let mark = Unicode.Scalar(mark) else { continue }
      for text in ["\(base)\(mark)", "\(base)\u{323}\(mark)", "\(base)\(mark)\u{301}x\(base)"] {
        #expect(
          Composition.nfc(text).unicodeScalars.elementsEqual(
            text.precomposedStringWithCanonicalMapping.unicodeScalars),
          "\(text.unicodeScalars.map { String($0.value, radix: 16) })")
      }
    }
  }
}
