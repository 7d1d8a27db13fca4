internal import ArgumentParser
internal import GPT
internal import GPTOps

/// One difference between the two sides of `gpt bench --compare`.
enum BenchChange: Equatable, Sendable {
  typealias Kernels = KernelLevel

  case model(String)
  case threads(Int)
  case kernels(Kernels)
  case precision(ComputingArguments.Precision)
  case cacheType(ComputingArguments.CacheType)
  case lowMemory(Bool)

  /// - Parameter text: `name=value`
  init(parsing text: String) throws {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let value = parts.count == 2 ? String(parts[1]) : ""
    switch parts[0] {
    case "model" where !value.isEmpty: self = .model(value)
    case "threads":
      guard let count = Int(value), (1...1024).contains(count) else {
        throw ValidationError("--compare threads=\(value): expected 1 to 1024.")
      }
      self = .threads(count)
    case "kernels": self = .kernels(try Self.choice(text, value, of: Kernels.available))
    case "precision":
      self = .precision(try Self.choice(text, value, of: ComputingArguments.Precision.allCases))
    case "kv-type":
      self = .cacheType(try Self.choice(text, value, of: ComputingArguments.CacheType.allCases))
    case "low-memory":
      guard let isOn = Bool(value) else {
        throw ValidationError("--compare \(text): expected true or false.")
      }
      self = .lowMemory(isOn)
    default:
      throw ValidationError(
        "--compare \(text): expected threads=N, kernels=NAME, precision=NAME, kv-type=NAME, "
          + "low-memory=true or model=PATH-OR-NAME.")
    }
  }

  private static func choice<Choice: RawRepresentable<String>>(
    _ text: String, _ value: String, of choices: [Choice]
  ) throws -> Choice {
    guard let choice = choices.first(where: { $0.rawValue == value }) else {
      let names = choices.map(\.rawValue).joined(separator: ", ")
      throw ValidationError("--compare \(text): expected one of \(names).")
    }
    return choice
  }

  var name: String {
    switch self {
    case .model: "model"
    case .threads: "threads"
    case .kernels: "kernels"
    case .precision: "precision"
    case .cacheType: "kv-type"
    case .lowMemory: "low-memory"
    }
  }

  var value: String {
    switch self {
    case .model(let path): path
    case .threads(let count): "\(count)"
    case .kernels(let level): level.rawValue
    case .precision(let precision): precision.rawValue
    case .cacheType(let type): type.rawValue
    case .lowMemory(let isOn): "\(isOn)"
    }
  }

  var description: String { "\(name)=\(value)" }

  /// Kernels are no option of a model; `kernels` has them.
  func apply(to arguments: inout ModelArguments) {
    switch self {
    case .model(let path): arguments.model = path
    case .threads(let count): arguments.computing.threads = count
    case .precision(let precision): arguments.computing.precision = precision
    case .cacheType(let type): arguments.computing.kvType = type
    case .lowMemory(let isOn): arguments.computing.lowMemory = isOn
    case .kernels: break
    }
  }

  var kernels: Kernels? {
    if case .kernels(let level) = self { level } else { nil }
  }
}
