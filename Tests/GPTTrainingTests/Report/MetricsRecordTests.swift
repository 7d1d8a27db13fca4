import GPTJSON
import GPTTraining
import Testing

@Suite struct MetricsRecordTests {
  @Test func aRecordSurvivesItsLine() throws {
    let record = MetricsRecord(
      step: 12, tokens: 36_864, loss: 1.25, validationLoss: 1.5, gradientNorm: 0.75,
      learningRate: 6e-4, seconds: 30.5, tokensPerSecond: 1234.5, modelFlopsUtilisation: 0.5,
      memoryBytes: 2e9)
    let line = record.json.encoded()
    #expect(
      line == """
        {"step":12,"tokens":36864,"loss":1.25,"validation_loss":1.5,"gradient_norm":0.75,\
        "learning_rate":0.0006,"seconds":30.5,"tokens_per_second":1234.5,\
        "model_flops_utilisation":0.5,"memory_bytes":2000000000}
        """)
    #expect(MetricsRecord(json: try JSONParser.parse(line)) == record)
  }

  @Test func whatWasNotMeasuredIsAbsentAndWhatIsNoNumberIsNull() throws {
    let record = MetricsRecord(step: 1, loss: .nan)
    #expect(record.json.encoded() == #"{"step":1,"loss":null}"#)
    #expect(
      MetricsRecord(json: try JSONParser.parse(record.json.encoded())) == MetricsRecord(step: 1))
  }

  @Test(arguments: [
    "{}", "[1]", "3", #"{"step":-1}"#, #"{"step":1.5}"#, #"{"step":"1"}"#, #"{"step":1e300}"#,
  ])
  func aLineWithoutACountOfStepsIsNoRecord(line: String) throws {
    #expect(MetricsRecord(json: try JSONParser.parse(line)) == nil)
  }
}
