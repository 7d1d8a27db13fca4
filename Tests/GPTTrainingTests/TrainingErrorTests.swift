import GPTTraining
import Testing

@Suite struct TrainingErrorTests {
  @Test func messagesSayWhereWhatWasFoundAndWhatWasExpected() {
    let error = TrainingError.invalid(
      location: "corpus.txt", found: "no text", expected: "at least 2 tokens")
    #expect(error.description == "corpus.txt: no text, expected at least 2 tokens")
  }
}
