import GPT
import Testing

@Suite struct AdapterOptionTests {
  @Test(arguments: [
    (Float.infinity, "option adapters: scale inf for \"a\", expected a finite number"),
    (Float.nan, "option adapters: scale nan for \"a\", expected a finite number"),
  ])
  func aScaleThatIsNoNumberIsRefused(scale: Float, expected: String) async {
    await #expect(message(scale: scale) == expected)
  }

  @Test func anAdapterThatIsNotThereIsNamed() {
    do {
      _ = try AdapterInformation(at: "/nowhere/adapter")
      Issue.record("it was read")
    } catch {
      #expect(
        error.description
          == "/nowhere/adapter: there is no adapter, expected a folder with adapter_config.json "
          + "and adapter_model.safetensors")
    }
  }

  @Test func anAdapterIsDescribed() throws {
    let parts = #filePath.split(separator: "/").dropLast(2)
    let folder = "/" + parts.joined(separator: "/") + "/Fixtures/adapters/gpt2-all"
    let information = try AdapterInformation(at: folder)
    #expect(information.baseName == "gpt2")
    #expect(information.rank == 3)
    #expect(information.alpha == 7)
    #expect(information.moduleNames == ["attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"])
    #expect(information.tensorCount == 24)
    // 3 · 3 blocks · (48 + 144 + 48 + 48 + 48 + 96 + 96 + 48) numbers of two bytes
    #expect(information.parameterCount == 5184)
    #expect(information.storedBytes == 10368)
  }

  private func message(scale: Float) async -> String {
    var options = LanguageModel.LoadingOptions()
    options.adapters = [AdapterReference(path: "a", scale: scale)]
    do {
      _ = try await LanguageModel(at: "/nowhere", options: options)
      return "no error"
    } catch { return error.description }
  }
}
