import GPTJSON
import Testing

@Suite struct JSONParserTests {
  @Test(arguments: [
    ("null", JSONValue.null), (" true\n", .boolean(true)), ("false", .boolean(false)),
    ("0", .integer(0)), ("-12", .integer(-12)), ("9223372036854775807", .integer(.max)),
    ("-9223372036854775808", .integer(.min)), ("9223372036854775808", .number(0x1p63)),
    ("1.5e3", .number(1500)), ("1E-2", .number(0.01)), ("2e0", .number(2)),
    (#""""#, .string("")), (#""a\"\\\/\b\f\n\r\t""#, .string("a\"\\/\u{8}\u{c}\n\r\t")),
    (#""\u00e9\ud83c\udf89""#, .string("é🎉")), ("[]", .array([])),
    ("[1, [2]]", .array([.integer(1), .array([.integer(2)])])), ("{}", .object(JSONObject())),
  ])
  func readsEveryKindOfValue(text: String, expected: JSONValue) throws {
    #expect(try JSONParser.parse(text) == expected)
  }

  @Test func membersKeepTheirOrder() throws {
    let object = try #require(try JSONParser.parse(#"{"b":1,"a":{"c":[]},"0":null}"#).object)
    #expect(object.keys == ["b", "a", "0"])
    #expect(object["a"]?["c"]?.array == [])
    #expect(object["0"]?.isNull == true && object["x"] == nil)
  }

  @Test(arguments: [#""\ud800""#, #""\udc00""#, #""\ud800\u0041""#, #""\ud800x""#])
  func aLoneSurrogateBecomesTheReplacementCharacter(text: String) throws {
    let value = try #require(try JSONParser.parse(text).string)
    #expect(value.unicodeScalars.first == "\u{fffd}")
  }

  @Test(arguments: [
    ("", "byte 0: found the end of the text, expected a value"),
    ("[1,]", "byte 3: found ']', expected a value"),
    ("[1 2]", "byte 3: found '2', expected ',' or ']'"),
    (#"{"a":1,}"#, "byte 7: found '}', expected a key"),
    (#"{"a" 1}"#, "byte 5: found '1', expected ':'"),
    (#"{"a":1 "b"}"#, "byte 7: found '\"', expected ',' or '}'"),
    ("{'a':1}", "byte 1: found ''', expected a key"),
    ("nul", "byte 3: found the end of the text, expected 'null'"),
    ("NaN", "byte 0: found 'N', expected a value"),
    ("01", "byte 1: found '1', expected the end of the text"),
    ("1.", "byte 2: found the end of the text, expected a digit"),
    ("1e+", "byte 3: found the end of the text, expected a digit"),
    ("-", "byte 1: found the end of the text, expected a digit"),
    ("+1", "byte 0: found '+', expected a value"),
    ("1 /* */", "byte 2: found '/', expected the end of the text"),
    ("1\0", "byte 1: found byte 0x0, expected the end of the text"),
    ("\u{feff}1", "byte 0: found byte 0xef, expected a value"),
    (#""a"#, "byte 2: found the end of the text, expected a string's end"),
    ("\"a\nb\"", "byte 2: found byte 0xa, expected a string's end"),
    (#""\x""#, "byte 2: found 'x', expected an escape"),
    (#""\u12g4""#, "byte 5: found 'g', expected four hexadecimal digits"),
    (#"{"a":1,"a":2}"#, "byte 7: key \"a\" stands twice in one object"),
    (#"{"a":1,"\u0061":2}"#, "byte 7: key \"a\" stands twice in one object"),
  ])
  func badTextIsExplained(text: String, expected: String) {
    #expect(message { _ = try JSONParser.parse(text) } == expected)
  }

  @Test(arguments: [
    [0x22, 0xff, 0x22], [0x22, 0xc0, 0x80, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22],
  ])
  func aStringThatIsNotUTF8IsRefused(bytes: [UInt8]) {
    #expect(throws: JSONError.invalidUTF8(offset: 0)) {
      try parse(bytes)
    }
  }

  @Test(arguments: ["[", #"{"a":"#])
  func nestingIsBounded(opening: String) throws {
    let text = String(repeating: opening, count: 100_000)
    let expected = "byte \(128 * opening.utf8.count): JSON nested deeper than 128 levels"
    #expect(message { _ = try JSONParser.parse(text) } == expected)
  }

  @Test func nestingUpToTheLimitIsRead() throws {
    let text = String(repeating: "[", count: 128) + String(repeating: "]", count: 128)
    #expect(throws: Never.self) { try JSONParser.parse(text) }
  }

  @Test func lengthIsBounded() {
    var limits = JSONLimits()
    limits.bytes = 3
    #expect(throws: JSONError.tooLong(bytes: 4, limit: 3)) {
      try JSONParser.parse("1234", limits: limits)
    }
    #expect("\(JSONError.tooLong(bytes: 4, limit: 3))" == "JSON of 4 bytes, expected at most 3")
  }

  @Test func everyPrefixOfADocumentIsAnError() {
    let text = Array(#"{"a":[1,-2.5e1,true,null,"\u00e9é"],"b":{}}"#.utf8)
    for length in 0..<text.count {
      #expect(throws: JSONError.self, "cut to \(length)") {
        try parse(Array(text[..<length]))
      }
    }
  }

  /// "é" and "e" with a combining accent are equal as Swift strings but different tokens.
  @Test func canonicallyEquivalentKeysAreDifferent() throws {
    let object = try JSONParser.parse("{\"\u{e9}\":1,\"e\u{301}\":2}").object
    #expect(object?.count == 2)
  }

  @Test func anIntegerIsADoubleToo() throws {
    #expect(try JSONParser.parse("3").double == 3)
    #expect(try JSONParser.parse("3").integer == 3)
    #expect(try JSONParser.parse("3.0").integer == nil)
  }

  private func parse(_ bytes: [UInt8]) throws -> JSONValue {
    try bytes.withUnsafeBytes { (buffer: UnsafeRawBufferPointer) throws in
      try JSONParser.parse(buffer)
    }
  }

  private func message(_ work: () throws -> Void) -> String {
    do { try work() } catch { return "\(error)" }
    return "no error"
  }
}

@Suite struct JSONWriterTests {
  @Test(arguments: [
    "null", "[true,false]", "-9223372036854775808", "0.1", "[]", "{}",
    #"{"z":[1,{"y":"é🎉"}],"a":"\"\\\n\r\t\u0001\u007f"}"#,
  ])
  func writingWhatWasReadGivesTheSameText(text: String) throws {
    #expect(try JSONParser.parse(text).encoded() == text)
  }

  @Test func numbersThatJSONLacksBecomeNull() {
    #expect(JSONValue.array([.number(.nan), .number(.infinity)]).encoded() == "[null,null]")
  }

  @Test(arguments: [1e300, -0.0, .leastNonzeroMagnitude, 123_456_789.125, 1.0 / 3] as [Double])
  func fractionsSurvive(value: Double) throws {
    let read = try JSONParser.parse(JSONValue.number(value).encoded())
    #expect(read == .number(value))
  }
}
