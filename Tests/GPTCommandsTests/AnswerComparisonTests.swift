import GPTCommands
import Testing

@Suite struct AnswerComparisonTests {
  private static let cases: [(pattern: String?, text: String, expected: String?)] = [
    (nil, "so: 42", "so: 42"),
    ("#### (-?[0-9.,]+)", "first\n#### 18 and #### 19", "18"),
    ("[0-9]+", "so 42 or 43", "42"),
    ("(?:A: (\\w+))|(?:B: (\\w+))", "B: yes", "yes"),
    ("[0-9]+", "none", nil),
  ]

  @Test(arguments: cases)
  func theFirstGroupOfTheFirstMatchIsTheAnswer(
    pattern: String?, text: String, expected: String?
  ) throws {
    let comparison = try AnswerComparison(pattern: pattern, ignoresCase: false)
    #expect(comparison.answer(in: text) == expected)
  }

  @Test(arguments: [
    (" Paris\n", ["Paris"], false, true), ("paris", ["Paris"], false, false),
    ("paris", ["Rome", "Paris"], true, true), ("Paris.", ["Paris"], true, false),
  ])
  func answersAreComparedWithoutSpaceAtTheirEnds(
    answer: String, expected: [String], ignoresCase: Bool, isRight: Bool
  ) throws {
    let comparison = try AnswerComparison(pattern: nil, ignoresCase: ignoresCase)
    #expect(comparison.isRight(answer, expected: expected) == isRight)
  }

  @Test func theAnswerIsTakenFromWhatIsExpectedToo() throws {
    let comparison = try AnswerComparison(pattern: "#### ([0-9]+)", ignoresCase: false)
    #expect(comparison.isRight("18", expected: ["9 + 9\n#### 18"]))
    #expect(comparison.isRight("18", expected: ["18"]))
    #expect(!comparison.isRight("18", expected: ["#### 19"]))
  }

  @Test func aBadPatternIsNamed() {
    let error = #expect(throws: CommandError.self) {
      try AnswerComparison(pattern: "(", ignoresCase: false)
    }
    #expect(error?.description == "--answer-pattern: '(', expected a regular expression")
  }
}
