internal import ArgumentParser
internal import GPTTensor

/// `--type` of conversions: how matrices are stored.
enum StorageType: String, ExpressibleByArgument, CaseIterable {
  // swift-format-ignore: AlwaysUseLowerCamelCase
  case f32, f16, bf16, q8_0, q4_0, q4_1, q5_0, q5_1, q4_k, q6_k

  var dtype: DType {
    switch self {
    case .f32: .f32
    case .f16: .f16
    case .bf16: .bf16
    case .q8_0: .q8_0
    case .q4_0: .q4_0
    case .q4_1: .q4_1
    case .q5_0: .q5_0
    case .q5_1: .q5_1
    case .q4_k: .q4K
    case .q6_k: .q6K
    }
  }

  var isQuantised: Bool { dtype.blockLength > 1 }
}
