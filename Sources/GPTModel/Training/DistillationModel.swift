package import GPTOps
package import GPTTensor
package import GPTTokenizer

/// Learns from data and from the distribution over the next token of a teacher at once; the loss is
/// that of `Teacher`.
///
/// - Source: Hinton, Vinyals & Dean 2015, arXiv:1503.02531
package final class DistillationModel: TrainableModel {
  package let student: TrainingModel
  private let teacher: TrainingModel
  private let options: DistillationOptions

  /// - Parameters:
  ///   - teacher: only run, without dropout; has the student's vocabulary, see `checkVocabulary`
  ///   - temperature: above 0
  ///   - weight: the teacher's share of the loss, 0…1
  package init(
    student: TrainingModel, teacher: TrainingModel, temperature: Float, weight: Float
  ) {
    let (own, other) = (student.configuration, teacher.configuration)
    precondition(
      own.vocabularySize == other.vocabularySize,
      "a teacher of \(other.vocabularySize) tokens for \(own.vocabularySize)")
    precondition(temperature > 0 && weight >= 0 && weight <= 1, "\(temperature) and \(weight)")
    self.student = student
    self.teacher = teacher
    var options = DistillationOptions()
    options.temperature = temperature
    options.weight = weight
    self.options = options
  }

  /// The same with a teacher as it is opened to be run.
  ///
  /// - Parameters:
  ///   - tokenizer: the student's
  ///   - location: what to call the teacher in an error
  package convenience init(
    student: TrainingModel, tokenizer: any Tokenizer, teacher: OpenedModel, location: String,
    temperature: Float, weight: Float
  ) throws(ModelError) {
    try DistillationModel.checkVocabulary(
      of: teacher, at: location, is: tokenizer,
      vocabularySize: student.configuration.vocabularySize)
    let nothing = Adapter(options: AdapterOptions(), layers: [])
    self.init(
      student: student,
      teacher: TrainingModel(
        adapting: teacher, adapter: nothing, options: TrainingModelOptions()),
      temperature: temperature, weight: weight)
  }

  package var parameters: [Parameter] { student.parameters }
  package var context: ComputeContext { student.context }

  package func zeroGradients() { student.zeroGradients() }

  package func accumulateGradients(
    _ batch: TokenBatch, scale: Float, dropoutKey: UInt64
  ) throws(ModelError) -> LossSum {
    try teacher.withOutputRows(batch) { (taught) throws(ModelError) in
      let teacher = Teacher(
        rows: taught, output: teacher.transformer.output, options: options,
        context: teacher.context)
      return try student.accumulateGradients(batch, dropoutKey: dropoutKey) { rows, dx in
        student.loss(
          of: rows, batch, options: student.options.loss, teacher: teacher,
          gradients: (dx: dx, scale: scale))
      }
    }
  }

  /// The student's own loss: what it is worth without its teacher.
  package func evaluate(_ batch: TokenBatch) throws(ModelError) -> LossSum {
    try student.evaluate(batch)
  }

  package func operationsPerToken(length: Int) -> Double {
    student.operationsPerToken(length: length)
      + teacher.configuration.trainingOperationsPerToken(length: length) / 3
  }
}

extension DistillationModel {
  /// Checks that every id is the same token to a teacher as to the student.
  ///
  /// - Throws: `ModelError.configuration` with the first difference
  package static func checkVocabulary(
    of teacher: OpenedModel, at location: String, is tokenizer: any Tokenizer, vocabularySize: Int
  ) throws(ModelError) {
    let found = teacher.configuration.vocabularySize
    guard found == vocabularySize else {
      throw .configuration(
        location: location, key: "the teacher's number of token embeddings", found: "\(found)",
        expected: "\(vocabularySize), the student's")
    }
    try checkTokens(
      of: teacher.tokenizer, named: "teacher", at: location, are: tokenizer, named: "student")
  }
}
