import GPTOps
import GPTTensor

/// Float weights up to which a model that is mapped moves into large pages. The system can drop pages of
/// a file when memory is short, and not those; so a large model stays where it is.
private let mostMovedBytes = 1 << 30

/// Bytes between matrices that do not keep them apart: vectors and padding.
private let smallGap = 64 << 10

extension WeightPacker {
  /// What large pages make faster to read: packed weights, and those of `layers` that are mapped.
  func stillMemory(of layers: [Linear]) -> [StillMemory] {
    let packed = region.buffers.map { StillMemory($0) }
    let mapped = layers.compactMap { layer -> MappedMatrix? in
      if case .mapped(let matrix) = layer.weight { matrix } else { nil }
    }
    let byteCount = mapped.reduce(0) { $0 + $1.byteCount }
    guard !keepsBlocks, byteCount <= mostMovedBytes else { return packed }
    return packed + joined(mapped)
  }

  private func joined(_ matrices: [MappedMatrix]) -> [StillMemory] {
    var parts: [(bytes: UnsafeRawBufferPointer, file: MappedFile)] = []
    for (bytes, file) in matrices.map({ ($0.bytes, $0.file) }).sorted(by: isBefore) {
      guard let last = parts.last, last.file === file, let start = last.bytes.baseAddress,
        let next = bytes.baseAddress, next - (start + last.bytes.count) <= smallGap
      else {
        parts.append((bytes, file))
        continue
      }
      // A tied matrix is there twice.
      let count = max(last.bytes.count, next - start + bytes.count)
      parts[parts.count - 1].bytes = UnsafeRawBufferPointer(start: start, count: count)
    }
    return parts.map { StillMemory($0.bytes, of: $0.file) }
  }

  private func isBefore(
    _ one: (UnsafeRawBufferPointer, MappedFile), _ other: (UnsafeRawBufferPointer, MappedFile)
  ) -> Bool {
    UInt(bitPattern: one.0.baseAddress) < UInt(bitPattern: other.0.baseAddress)
  }
}
