/// A word of the expression language.
enum TemplateWord: Equatable {
  case name(String)
  case string(String)
  case integer(Int)
  case float(Double)
  case symbol(String)
}

/// A template cut into text and tags, with white space control already applied.
enum TemplateSegment {
  case text(String)
  /// `{{ … }}`
  case output([TemplateWord], line: Int)
  /// `{% … %}`
  case statement([TemplateWord], line: Int)
}

/// Cuts a template into segments as Jinja does with `trim_blocks` and `lstrip_blocks` set.
///
/// - Source: https://jinja.palletsprojects.com/en/stable/templates/#whitespace-control
struct TemplateLexer {
  /// Bounds the depth of what is parsed from one tag; published tags stay below 200 words.
  static let wordsPerTag = 1000

  private let source: [Unicode.Scalar]
  private let location: String
  private var position = 0
  private var line = 1
  private var lineIsStarting = true
  private var stripsNext = false
  private var segments: [TemplateSegment] = []

  init(_ source: String, location: String) {
    var scalars: [Unicode.Scalar] = []
    var previous: Unicode.Scalar?
    for scalar in source.unicodeScalars {
      if scalar == "\n" && previous == "\r" {
        previous = scalar
        continue
      }
      scalars.append(scalar == "\r" ? "\n" : scalar)
      previous = scalar
    }
    if scalars.last == "\n" { scalars.removeLast() }
    self.source = scalars
    self.location = location
  }

  consuming func lex() throws(TokenizerError) -> [TemplateSegment] {
    var lexer = self
    while lexer.position < lexer.source.count { try lexer.step() }
    return lexer.segments
  }

  private func at(_ offset: Int) -> Unicode.Scalar? {
    position + offset < source.count ? source[position + offset] : nil
  }

  private func failure(_ reason: String) -> TokenizerError {
    .template(location: location, line: line, reason: reason)
  }

  private static func isSpace(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.isWhitespace }

  private mutating func advance() {
    if source[position] == "\n" { line += 1 }
    position += 1
  }

  private mutating func step() throws(TokenizerError) {
    let start = position
    while position < source.count, !isTagStart { advance() }
    var text = source[start..<position]
    if stripsNext { text = text.drop(while: Self.isSpace) }
    stripsNext = false
    guard position < source.count, let kind = at(1) else {
      emit(text)
      return
    }
    stripBefore(&text, kind: kind, startsLine: start == position ? lineIsStarting : nil)
    emit(text)
    position += 2
    if at(0) == "-" || at(0) == "+" { position += 1 }
    let tagLine = line
    switch kind {
    case "#": try skipComment()
    case "{": segments.append(.output(try words(closing: "}"), line: tagLine))
    default: segments.append(.statement(try words(closing: "%"), line: tagLine))
    }
  }

  private var isTagStart: Bool {
    at(0) == "{" && (at(1) == "{" || at(1) == "%" || at(1) == "#")
  }

  private mutating func stripBefore(
    _ text: inout ArraySlice<Unicode.Scalar>, kind: Unicode.Scalar, startsLine: Bool?
  ) {
    if at(2) == "-" {
      while let last = text.last, Self.isSpace(last) { text.removeLast() }
    } else if kind != "{" && at(2) != "+" {
      let lineStart = text.lastIndex(of: "\n").map { $0 + 1 }
      guard lineStart != nil || lineIsStarting else { return }
      let tail = text[(lineStart ?? text.startIndex)...]
      if tail.allSatisfy(Self.isSpace) { text.removeLast(tail.count) }
    }
  }

  private mutating func emit(_ text: ArraySlice<Unicode.Scalar>) {
    guard !text.isEmpty else { return }
    segments.append(.text(String(String.UnicodeScalarView(text))))
  }

  private mutating func skipComment() throws(TokenizerError) {
    while position < source.count {
      if at(0) == "#" && at(1) == "}" {
        let strips = position > 0 && source[position - 1] == "-"
        endTag(strips: strips, trimsNewline: true)
        return
      }
      advance()
    }
    throw failure("a comment without its end '#}'")
  }

  /// Leaves a tag whose two closing characters are next.
  private mutating func endTag(strips: Bool, trimsNewline: Bool) {
    position += 2
    lineIsStarting = false
    stripsNext = strips
    if strips {
      var ahead = position
      while ahead < source.count, Self.isSpace(source[ahead]) { ahead += 1 }
      lineIsStarting = ahead > position && source[ahead - 1] == "\n"
    } else if trimsNewline, at(0) == "\n" {
      advance()
      lineIsStarting = true
    }
  }

  private mutating func words(closing: Unicode.Scalar) throws(TokenizerError) -> [TemplateWord] {
    var words: [TemplateWord] = []
    var openBraces = 0
    while let scalar = at(0) {
      if Self.isSpace(scalar) {
        advance()
        continue
      }
      let sign = scalar == "-" || scalar == "+" ? 1 : 0
      if openBraces <= 0, at(sign) == closing, at(sign + 1) == "}" {
        position += sign
        endTag(strips: scalar == "-", trimsNewline: closing == "%" && scalar != "+")
        return words
      }
      guard words.count < Self.wordsPerTag else {
        throw failure("a tag of more than \(Self.wordsPerTag) words")
      }
      let word = try word()
      if word == .symbol("{") { openBraces += 1 }
      if word == .symbol("}") { openBraces -= 1 }
      words.append(word)
    }
    throw failure("a tag without its end '\(closing)}'")
  }

  private mutating func word() throws(TokenizerError) -> TemplateWord {
    let scalar = source[position]
    if scalar == "'" || scalar == "\"" { return .string(try string(quote: scalar)) }
    if ("0"..."9").contains(scalar) { return try number() }
    if scalar == "_" || scalar.properties.isXIDStart {
      let start = position
      while let next = at(0), next == "_" || next.properties.isXIDContinue { position += 1 }
      return .name(String(String.UnicodeScalarView(source[start..<position])))
    }
    let pairs = ["==", "!=", "<=", ">=", "//", "**"]
    if let second = at(1), pairs.contains(String(scalar) + String(second)) {
      position += 2
      return .symbol(String(scalar) + String(second))
    }
    guard "+-*/%~<>=()[]{}.,:|".unicodeScalars.contains(scalar) else {
      throw failure("the character \(quotedForMessage(String(scalar))), expected an expression")
    }
    position += 1
    return .symbol(String(scalar))
  }

  private mutating func number() throws(TokenizerError) -> TemplateWord {
    let start = position
    func isDigit(_ scalar: Unicode.Scalar?) -> Bool {
      scalar.map { ("0"..."9").contains($0) || $0 == "_" } ?? false
    }
    while isDigit(at(0)) { position += 1 }
    var isFloat = false
    if at(0) == ".", isDigit(at(1)) {
      isFloat = true
      position += 1
      while isDigit(at(0)) { position += 1 }
    }
    let text = String(String.UnicodeScalarView(source[start..<position].filter { $0 != "_" }))
    if !isFloat, let value = Int(text) { return .integer(value) }
    guard let value = Double(text) else { throw failure("the number \(quotedForMessage(text))") }
    return .float(value)
  }

  private mutating func string(quote: Unicode.Scalar) throws(TokenizerError) -> String {
    position += 1
    var result = String.UnicodeScalarView()
    while let scalar = at(0) {
      advance()
      if scalar == quote { return String(result) }
      guard scalar == "\\", let escape = at(0) else {
        result.append(scalar)
        continue
      }
      advance()
      switch escape {
      case "n": result.append("\n")
      case "t": result.append("\t")
      case "r": result.append("\r")
      case "0": result.append("\0")
      case "\\", "'", "\"": result.append(escape)
      case "\n": break
      case "x": result.append(try hexadecimal(2))
      case "u": result.append(try hexadecimal(4))
      case "U": result.append(try hexadecimal(8))
      default: result.append(contentsOf: ["\\", escape])
      }
    }
    throw failure("a string without its end")
  }

  private mutating func hexadecimal(_ count: Int) throws(TokenizerError) -> Unicode.Scalar {
    let end = min(position + count, source.count)
    let digits = String(String.UnicodeScalarView(source[position..<end]))
    guard digits.unicodeScalars.count == count, let value = UInt32(digits, radix: 16),
      let scalar = Unicode.Scalar(value)
    else { throw failure("the escape \(quotedForMessage(digits)), expected \(count) digits") }
    position = end
    return scalar
  }
}
