/// How the elements of a stored tensor are encoded.
///
/// Quantised types store `blockLength` consecutive elements of a row in `blockBytes` bytes.
/// Source of names and block sizes: the GGUF specification (ggml-org/ggml, `docs/gguf.md`) and the
/// safetensors format description.
public enum DType: String, Sendable, CaseIterable {
  case f32 = "F32"
  case f16 = "F16"
  case bf16 = "BF16"
  // swift-format-ignore: AlwaysUseLowerCamelCase
  case q8_0 = "Q8_0"
  // swift-format-ignore: AlwaysUseLowerCamelCase
  case q4_0 = "Q4_0"
  // swift-format-ignore: AlwaysUseLowerCamelCase
  case q4_1 = "Q4_1"
  // swift-format-ignore: AlwaysUseLowerCamelCase
  case q5_0 = "Q5_0"
  // swift-format-ignore: AlwaysUseLowerCamelCase
  case q5_1 = "Q5_1"
  case q2K = "Q2_K"
  case q3K = "Q3_K"
  case q4K = "Q4_K"
  case q5K = "Q5_K"
  case q6K = "Q6_K"

  /// Number of elements that are encoded together; a row's length is a multiple of it.
  public var blockLength: Int {
    switch self {
    case .f32, .f16, .bf16: 1
    case .q8_0, .q4_0, .q4_1, .q5_0, .q5_1: 32
    case .q2K, .q3K, .q4K, .q5K, .q6K: 256
    }
  }

  /// Bytes that one block takes in a file.
  public var blockBytes: Int {
    switch self {
    case .f32: 4
    case .f16, .bf16: 2
    case .q8_0: 34
    case .q4_0: 18
    case .q4_1: 20
    case .q5_0: 22
    case .q5_1: 24
    case .q2K: 84
    case .q3K: 110
    case .q4K: 144
    case .q5K: 176
    case .q6K: 210
    }
  }

  /// Bytes of `elementCount` elements, or nil when the count does not fill whole blocks or the
  /// product overflows.
  public func byteCount(elementCount: Int) -> Int? {
    guard elementCount >= 0, elementCount % blockLength == 0 else { return nil }
    let (bytes, overflow) = (elementCount / blockLength).multipliedReportingOverflow(by: blockBytes)
    return overflow ? nil : bytes
  }
}
