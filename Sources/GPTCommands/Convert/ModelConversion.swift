internal import ArgumentParser
internal import GPT
internal import GPTJSON
internal import GPTModel
internal import GPTOps
internal import GPTTensor

/// A model written anew in another layout or type, or with adapters, with a progress line; when it fails or is
/// interrupted, nothing of it is left.
struct ModelConversion: Sendable {
  let input: String
  /// A folder, or a file whose name ends in .gguf.
  let output: String
  let type: DType?
  /// LoRA adapters to put into the weights.
  var adapters: [AdapterReference] = []

  struct Report: Sendable {
    let parameterCount: Int
    let bytesBefore: Int
    let bytesAfter: Int
    /// Of the matrices, that of most numbers first.
    let typesBefore: [DType]
    let typesAfter: [DType]
    let seconds: Double

    var bitsPerWeight: Double { 8 * Double(bytesAfter) / Double(max(1, parameterCount)) }
  }

  static func isFile(_ output: String) -> Bool { output.hasSuffix(".gguf") }

  static func checkType(_ type: StorageType?, output: String) throws {
    if let type, type.isQuantised, !isFile(output) {
      throw ValidationError(
        "--type \(type.rawValue) needs an --output that ends in .gguf: folders take f32, f16 and "
          + "bf16.")
    }
  }

  /// - Throws: when there is something at `output` and `isForced` does not say to replace it.
  static func checkOutput(_ output: String, isForced: Bool) throws(CommandError) {
    guard !isForced, Folders.exists(output) else { return }
    if !isFile(output), let entries = try? folderEntries(path: output), entries.isEmpty { return }
    throw .invalid(
      location: output.printable(limit: 4096), found: "exists already",
      expected: "a new name, or --force to replace it")
  }

  func run(_ interruption: Interruption) async throws -> Report {
    let conversion = self
    let report = try await interruption.guarding { try conversion.convert() }
    guard let report else { throw CommandError.interrupted }
    return report
  }

  /// nil when the task was cancelled.
  private func convert() throws -> Report? {
    let start = ContinuousClock.now
    let source = try openSource()
    let type = self.type ?? mergedType(of: source)
    let pool = ThreadPool(threadCount: ComputeContext.availableThreadCount)
    let line = ProgressLine()
    let rate = RateEstimate()
    func progress(_ written: Int, _ total: Int) -> Bool {
      line.show {
        let percent = 100 * Double(written) / Double(max(1, total))
        let left = rate.secondsLeft(done: Double(written), total: Double(total))
        return "writing \(output): \(Self.size(written)) of \(Self.size(total)) "
          + "(\(percent.rounded(to: 0)) %)"
          + (left.map { ", \(RateEstimate.text(seconds: $0)) left" } ?? "")
      }
      return !Task.isCancelled
    }
    defer { line.clear() }
    let isWhole =
      Self.isFile(output)
      ? try source.write(gguf: output, type: type, pool: pool, progress: progress)
      : try source.write(folder: output, type: type, pool: pool, progress: progress)
    guard isWhole else { return nil }
    // Opening what was written checks every tensor's place and shape.
    let result = try SourceModel.open(path: output)
    return Report(
      parameterCount: source.configuration.parameterCount, bytesBefore: source.storedByteCount,
      bytesAfter: result.storedByteCount, typesBefore: source.matrixTypes,
      typesAfter: result.matrixTypes, seconds: (ContinuousClock.now - start).inSeconds)
  }

  private func openSource() throws -> SourceModel {
    var source = try SourceModel.open(path: input)
    guard !adapters.isEmpty else { return source }
    source.merge(
      try loadAdapters(
        adapters.map { ($0.path, $0.scale) }, configuration: source.configuration))
    return source
  }

  /// Quantising anew would lose much of the little that adapters add.
  private func mergedType(of source: SourceModel) -> DType? {
    let isQuantised = source.dominantType.blockLength > 1
    return !adapters.isEmpty && isQuantised && Self.isFile(output) ? .f16 : nil
  }

  static func size(_ bytes: Int) -> String { "\((Double(bytes) / 1e6).rounded(to: 1)) MB" }
}

extension ModelConversion.Report {
  /// Lines for people.
  var summary: String {
    func described(_ bytes: Int, _ types: [DType]) -> String {
      "\(ModelConversion.size(bytes)) (\(types.map(\.rawValue).joined(separator: ", ")))"
    }
    let before = described(bytesBefore, typesBefore)
    let after = described(bytesAfter, typesAfter)
    return "\(before) → \(after), \(bitsPerWeight.rounded(to: 2)) bits a weight, "
      + "in \(RateEstimate.text(seconds: seconds))"
  }

  func members(input: String, output: String) -> [(String, JSONValue)] {
    [
      ("model", .string(input)), ("output", .string(output)),
      ("parameters", .integer(parameterCount)),
      ("types_before", .array(typesBefore.map { .string($0.rawValue) })),
      ("types_after", .array(typesAfter.map { .string($0.rawValue) })),
      ("bytes_before", .integer(bytesBefore)),
      ("bytes_after", .integer(bytesAfter)), ("bits_per_weight", .number(bitsPerWeight)),
      ("seconds", .number(seconds)),
    ]
  }
}
