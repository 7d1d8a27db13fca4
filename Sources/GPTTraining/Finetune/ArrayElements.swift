/// Cuts a JSON array that comes in blocks into the texts of its elements.
///
/// It looks at quotes, brackets and commas only; what is wrong inside an element is for the JSON
/// parser to say.
struct ArrayElements {
  struct Element {
    var text: [UInt8]
    /// From 1.
    var number: Int
    /// Line of the file that it begins on, from 1.
    var line: Int
  }

  typealias Accept = (Element) throws(TrainingError) -> Void

  private enum Place { case before, first, next, inside, behind }

  private let location: String
  private let byteLimit: Int
  private var place = Place.before
  private var depth = 0
  private var isInString = false
  private var isEscaped = false
  private var line = 1
  private var element = Element(text: [], number: 0, line: 1)

  init(location: String, byteLimit: Int) {
    self.location = location
    self.byteLimit = byteLimit
  }

  mutating func feed(_ block: [UInt8], accept: Accept) throws(TrainingError) {
    for byte in block {
      try take(byte, accept)
      if byte == 0x0a { line += 1 }
    }
  }

  func finish() throws(TrainingError) {
    guard place != .behind else { return }
    throw .invalid(
      location: "\(location): line \(line)", found: "the end of an array that is not closed",
      expected: "']'")
  }

  private mutating func take(_ byte: UInt8, _ accept: Accept) throws(TrainingError) {
    let isSpace = byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09
    switch place {
    case .inside: try takeInside(byte, accept)
    case _ where isSpace: break
    case .before where byte == UInt8(ascii: "["): place = .first
    case .first where byte == UInt8(ascii: "]"): place = .behind
    case .first, .next:
      place = .inside
      element = Element(text: [], number: element.number + 1, line: line)
      try takeInside(byte, accept)
    case .before, .behind:
      throw .invalid(
        location: "\(location): line \(line)", found: "text outside the array",
        expected: "one array of records, or a record a line")
    }
  }

  private mutating func takeInside(_ byte: UInt8, _ accept: Accept) throws(TrainingError) {
    if isInString {
      if isEscaped {
        isEscaped = false
      } else {
        isEscaped = byte == UInt8(ascii: "\\")
        isInString = byte != UInt8(ascii: "\"")
      }
    } else {
      switch byte {
      case UInt8(ascii: "\""): isInString = true
      case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
      case UInt8(ascii: "]") where depth == 0:
        place = .behind
        return try accept(element)
      case UInt8(ascii: ",") where depth == 0:
        place = .next
        return try accept(element)
      case UInt8(ascii: "]"), UInt8(ascii: "}"): depth = max(0, depth - 1)
      default: break
      }
    }
    element.text.append(byte)
    guard element.text.count <= byteLimit else {
      throw .invalid(
        location: "\(location): record \(element.number) (line \(element.line))",
        found: "more than \(byteLimit) bytes", expected: "a record of at most that")
    }
  }
}
