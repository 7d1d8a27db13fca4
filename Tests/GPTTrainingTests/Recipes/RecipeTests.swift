import GPTTraining
import Testing

@Suite struct RecipeTests {
  @Test(
    arguments: [
      (0, ModelPreset.nano), (49_999, .nano), (50_000, .micro), (3_000_000, .mini),
      (30_000_000, .small), (.max, .small),
    ])
  func largerCorporaGetLargerModels(tokens: Int, preset: ModelPreset) {
    #expect(Recipe.preset(trainingTokens: tokens) == preset)
  }

  @Test func aSmallCorpusIsWalkedManyTimesWithDropout() {
    let recipe = Recipe(
      trainingTokens: 330_000, parameterCount: 3_400_000, tokensPerStep: 4096)
    let passes = Double(recipe.steps) * 4096 / 330_000
    #expect((15...18).contains(passes), "\(passes) passes")
    #expect(recipe.dropout == 0.2)
  }

  @Test func aLargeCorpusGivesTwentyTokensForEachParameter() {
    let recipe = Recipe(
      trainingTokens: 1_000_000_000, parameterCount: 10_000_000, tokensPerStep: 4096)
    #expect(recipe.steps == 200_000_000 / 4096 / 50 * 50)
    #expect(recipe.dropout == 0)
  }

  @Test(arguments: [0, 1, .max], [1, 7, 40, 1 << 30])
  func everyRunOfAnyCorpusValidates(tokens: Int, steps: Int) {
    let recipe = Recipe(
      trainingTokens: tokens, parameterCount: tokens, tokensPerStep: 4096, steps: steps)
    #expect(recipe.steps == steps)
    #expect((1...max(1, steps)).contains(recipe.validateEvery))
    #expect(recipe.warmupSteps < steps)
  }
}
