internal import GPTTensor

/// `text` on one line, safe on the terminal that shows it.
package func escapedForMessage(_ text: String) -> String { text.printable(limit: .max) }

/// `text` in quotes, escaped and cut to 40 characters: a piece of outside data inside a message.
package func quotedForMessage(_ text: String) -> String { "'\(text.printable(limit: 40))'" }

package func quotedForMessage(_ bytes: [UInt8]) -> String {
  quotedForMessage(String(decoding: bytes.prefix(200), as: UTF8.self))
}
