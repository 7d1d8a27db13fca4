package import GPTJSON
import GPTTensor

/// Where a run stands: everything that decides how it goes on, beside tensors.
///
/// There is no random state: batches and dropout are functions of the seed and these counters.
package struct TrainerState: Sendable, Equatable {
  /// Updates done.
  package var step = 0
  /// Batches taken from the source; more than `step` when some were skipped.
  package var batchIndex = 0
  /// Tokens trained on.
  package var tokens = 0
  /// Time spent training, all sessions together.
  package var seconds = 0.0
  /// Before the first step; nil unless it was asked for.
  package var firstValidationLoss: Double?
  /// nil before the first validation.
  package var bestValidationLoss: Double?
  package var bestStep: Int?
  /// Validations since the best.
  package var patienceCount = 0
  /// Returns to an earlier checkpoint after a divergence.
  package var rollbacks = 0
  /// Batches that led to a divergence, ascending.
  package var skippedBatches: [Int] = []

  package init() {}
}

extension TrainerState {
  /// Half a year of steps that take a millisecond each. A step has at most 2^28 tokens, so the
  /// numbers of micro-batches and sequences, multiples of these, stay below 2^62.
  package static let maximumCount = 1 << 34
  private static let maximumTokens = 1 << 62
  /// Each stands for a return to a checkpoint.
  package static let maximumSkippedBatches = 10_000

  package var json: JSONObject {
    var object = JSONObject([
      ("step", .integer(step)), ("batchIndex", .integer(batchIndex)), ("tokens", .integer(tokens)),
      ("seconds", .number(seconds)),
      ("bestValidationLoss", bestValidationLoss.map { .number($0) } ?? .null),
      ("bestStep", bestStep.map { .integer($0) } ?? .null),
      ("patienceCount", .integer(patienceCount)), ("rollbacks", .integer(rollbacks)),
      ("skippedBatches", .array(skippedBatches.map { .integer($0) })),
    ])
    if let firstValidationLoss { object["firstValidationLoss"] = .number(firstValidationLoss) }
    return object
  }

  /// - Parameter location: the file, for messages.
  package init(_ object: JSONObject, location: String) throws(TrainingError) {
    let reader = StateReader(object: object, location: location)
    step = try reader.count("step", limit: Self.maximumCount)
    batchIndex = try reader.count("batchIndex", limit: Self.maximumCount)
    tokens = try reader.count("tokens", limit: Self.maximumTokens)
    seconds = try reader.number("seconds")
    guard seconds >= 0 else {
      throw reader.problem("seconds", "\(seconds)", "a number of at least 0")
    }
    if object["firstValidationLoss"] != nil {
      firstValidationLoss = try reader.number("firstValidationLoss")
    }
    bestValidationLoss = try reader.optionalNumber("bestValidationLoss")
    bestStep = object["bestStep"]?.isNull == true ? nil : try reader.count("bestStep", limit: step)
    patienceCount = try reader.count("patienceCount", limit: Self.maximumCount)
    rollbacks = try reader.count("rollbacks", limit: Self.maximumCount)
    skippedBatches = try reader.counts(
      "skippedBatches", limit: Self.maximumCount, maximumCount: Self.maximumSkippedBatches)
  }
}

/// Typed access to the members of trainer_state.json.
struct StateReader {
  let object: JSONObject
  let location: String

  func problem(_ key: String, _ found: String, _ expected: String) -> TrainingError {
    .invalid(
      location: location, found: "\(key) is \(found.printable(limit: 60))", expected: expected)
  }

  func value(_ key: String) throws(TrainingError) -> JSONValue {
    guard let value = object[key] else {
      throw problem(key, "missing", "it in every checkpoint")
    }
    return value
  }

  /// An integer of `0...limit`.
  func count(_ key: String, limit: Int) throws(TrainingError) -> Int {
    let value = try value(key)
    guard let number = value.integer, (0...limit).contains(number) else {
      throw problem(key, text(value), "an integer of 0…\(limit)")
    }
    return number
  }

  func number(_ key: String) throws(TrainingError) -> Double {
    let value = try value(key)
    guard let number = value.double, number.isFinite else {
      throw problem(key, text(value), "a finite number")
    }
    return number
  }

  func optionalNumber(_ key: String) throws(TrainingError) -> Double? {
    try value(key).isNull ? nil : number(key)
  }

  func text(_ key: String) throws(TrainingError) -> String {
    let value = try value(key)
    guard let text = value.string else { throw problem(key, text(value), "a string") }
    return text
  }

  func optionalText(_ key: String) throws(TrainingError) -> String? {
    object[key] == nil ? nil : try text(key)
  }

  func nested(_ key: String) throws(TrainingError) -> JSONObject {
    let value = try value(key)
    guard let object = value.object else { throw problem(key, text(value), "an object") }
    return object
  }

  func counts(_ key: String, limit: Int, maximumCount: Int) throws(TrainingError) -> [Int] {
    let value = try value(key)
    guard let list = value.array, list.count <= maximumCount else {
      throw problem(key, text(value), "an array of at most \(maximumCount) integers")
    }
    var result: [Int] = []
    for element in list {
      guard let number = element.integer, (0...limit).contains(number) else {
        throw problem("an element of \(key)", text(element), "an integer of 0…\(limit)")
      }
      result.append(number)
    }
    return result
  }

  private func text(_ value: JSONValue) -> String {
    switch value {
    case .array, .object: value.kind
    default: value.encoded()
    }
  }
}
