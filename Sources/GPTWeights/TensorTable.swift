import GPTTensor

/// How a file encodes a tensor: in a way this project reads, or in another that it only skips.
enum StoredType: Sendable {
  case readable(DType)
  case unsupported(String)
}

struct TensorEntry: Sendable {
  let name: String
  let type: StoredType
  let shape: [Int]
  /// Relative to the start of the file's data section.
  let range: Range<Int>
}

/// The checked list of tensors in one file.
struct TensorTable: Sendable {
  private(set) var names: [String] = []
  private var entries: [String: TensorEntry] = [:]

  mutating func reserve(_ count: Int) {
    names.reserveCapacity(count)
    entries.reserveCapacity(count)
  }

  /// False when a tensor of that name is there already.
  mutating func insert(_ entry: TensorEntry) -> Bool {
    guard entries[entry.name] == nil else { return false }
    entries[entry.name] = entry
    names.append(entry.name)
    return true
  }

  /// - Parameter dataStart: where in `file` the data section begins.
  func tensor(named name: String, in file: MappedFile, dataStart: Int) -> StoredTensor? {
    guard let entry = entries[name], case .readable(let dtype) = entry.type else { return nil }
    let range = entry.range.lowerBound + dataStart..<entry.range.upperBound + dataStart
    return StoredTensor(
      name: name, dtype: dtype, shape: entry.shape,
      bytes: UnsafeRawBufferPointer(rebasing: file.bytes[range]), file: file, location: file.name)
  }

  func unsupportedType(of name: String) -> String? {
    guard case .unsupported(let type) = entries[name]?.type else { return nil }
    return type
  }

  /// Demands that the tensors, in the order of their offsets, follow each other without overlap
  /// and without holes but for padding to `alignment`; returns where the last one ends.
  func checkLayout(alignment: Int, file: String) throws(WeightsError) -> Int {
    // The name makes messages about equal ranges the same in every run.
    let sorted = entries.values.sorted {
      ($0.range.lowerBound, $0.range.upperBound, $0.name)
        < ($1.range.lowerBound, $1.range.upperBound, $1.name)
    }
    var end = 0
    for entry in sorted {
      // Offsets and ends are at most the file's length, so this cannot overflow.
      let next = (end + alignment - 1) / alignment * alignment
      guard entry.range.lowerBound == next else {
        let problem =
          entry.range.lowerBound < next ? "overlaps the tensor before it" : "follows a hole"
        throw .tensor(
          entry.name, file: file, found: "at data offset \(entry.range.lowerBound) \(problem)",
          expected: "offset \(next)")
      }
      end = entry.range.upperBound
    }
    return end
  }
}

/// The product of the dimensions, or nil when it overflows.
func elementCount(of shape: [Int]) -> Int? {
  var product = 1
  for dimension in shape {
    let (value, overflow) = product.multipliedReportingOverflow(by: dimension)
    guard dimension >= 0, !overflow else { return nil }
    product = value
  }
  return product
}

/// What is wrong with a tensor's name, if anything: empty or not fit for a terminal.
func problem(withTensorName name: String) -> String? {
  if name.isEmpty { return "has no name" }
  let hasControl = name.unicodeScalars.contains { $0.properties.generalCategory == .control }
  return hasControl ? "has a control character in its name" : nil
}
