import GPTTraining
import Testing

@Suite struct SamplePromptTests {
  @Test(arguments: [true, false])
  func promptsEndWhereAnswersBegin(packs: Bool) throws {
    let folder = try FinetuneFolder()
    folder.options.packs = packs
    let data = try folder.read(
      "a.jsonl",
      (0..<3).map { #"{"prompt": "say \#($0) now:", "completion": "nine"}"# }
        .joined(separator: "\n"))
    let texts = data.training.prompts(atMost: 2).map(folder.text)
    #expect(texts.count == 2)
    for text in texts { #expect(text.hasSuffix(" now:") && text.contains("say "), "\(text)") }
  }

  @Test func ofPreferencesThePromptIsTheOneOfBothAnswers() throws {
    let folder = try FinetuneFolder()
    folder.options.kind = .preferences
    let data = try folder.read(
      "a.jsonl", #"{"prompt": "best?", "chosen": "yes", "rejected": "no"}"#)
    #expect(
      data.training.prompts(atMost: 5).map(folder.text).map { $0.hasSuffix("best?") } == [true])
  }

  @Test func aTextBegins() throws {
    let folder = try FinetuneFolder()
    let text = String(repeating: "one two three ", count: 40)
    let data = try folder.read("a.txt", text)
    let prompts = data.training.prompts(atMost: 5)
    #expect(prompts.first?.count == 16)
    let shown = folder.text(prompts.first ?? [])
    #expect(shown.contains("one two three"), "\(shown)")
  }
}
