/// `text` with control and other invisible format characters written as `\u{…}`, so that a name
/// from a file cannot move the cursor of the terminal that shows it.
package func escapedForMessage(_ text: String) -> String {
  var result = ""
  for scalar in text.unicodeScalars {
    switch scalar.value {
    case 0..<0x20, 0x7f..<0xa0, 0x200b..<0x2010, 0x2028..<0x202f, 0x2066..<0x206a, 0xfeff:
      result += "\\u{\(String(scalar.value, radix: 16))}"
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result
}

/// `text` in quotes, escaped and cut to 40 characters: a piece of outside data inside a message.
package func quotedForMessage(_ text: String) -> String {
  let scalars = text.unicodeScalars
  let head = String(String.UnicodeScalarView(scalars.prefix(40)))
  return "'" + escapedForMessage(head) + (scalars.dropFirst(40).isEmpty ? "'" : "…'")
}

package func quotedForMessage(_ bytes: [UInt8]) -> String {
  quotedForMessage(String(decoding: bytes.prefix(200), as: UTF8.self))
}
