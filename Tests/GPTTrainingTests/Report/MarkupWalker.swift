/// What is wrong with a page whose every element is closed, or nil.
func markupDefect(in page: String) -> String? {
  var open: [Substring] = []
  for piece in page.split(separator: "<", omittingEmptySubsequences: false).dropFirst() {
    guard let end = piece.firstIndex(of: ">") else { return "no end: <\(piece.prefix(40))" }
    let tag = piece[..<end]
    let text = piece[piece.index(after: end)...]
    if text.contains(">") { return "a bare > after <\(tag)>" }
    if tag.filter({ $0 == "\"" }).count % 2 != 0 { return "an open quote in <\(tag)>" }
    if tag.hasPrefix("!") || tag.hasSuffix("/") { continue }
    if tag.hasPrefix("/") {
      guard open.popLast() == tag.dropFirst() else { return "<\(tag)> closes nothing" }
    } else {
      open.append(tag.prefix { $0 != " " })
    }
  }
  return open.isEmpty ? nil : "open at the end: \(open)"
}

/// The values of an attribute in the order of the page.
func values(of attribute: String, in page: String) -> [String] {
  page.split(separator: " \(attribute)=\"").dropFirst().map { String($0.prefix { $0 != "\"" }) }
}

/// The unsigned decimal numbers in a text.
func numbers(in text: Substring) -> [Double] {
  text.split { !$0.isNumber && $0 != "." }.compactMap { Double($0) }
}

/// The ends of the lines of a path made of M, L, H and v commands.
func absolutePoints(of path: String) -> [(x: Double, y: Double)] {
  let commands = path.split { "MLHv".contains($0) }.map { numbers(in: $0) }
  guard let start = commands.first, start.count == 2 else { return [(.infinity, .infinity)] }
  var points = [(x: start[0], y: start[1])]
  for (letter, command) in zip(path.filter { "LHv".contains($0) }, commands.dropFirst()) {
    let last = points[points.count - 1]
    switch letter {
    case "H": points.append((command[0], last.y))
    case "v": points.append((last.x, last.y + command[0]))
    default: points.append((command[0], command[1]))
    }
  }
  return points
}
