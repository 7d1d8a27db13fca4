import CKernels
import GPTTensor

/// Rows of activations in 8 bits with a scale per block of 64, for products with quantised weights.
///
///     code[t, k] = round(x[t, k] / scale[t, k / 64]), scale = largest |x| of the block / 127
struct IntegerRows {
  let codes: UnsafeMutablePointer<UInt8>
  let codeStride: Int
  let scales: UnsafeMutablePointer<Float>
  let scaleStride: Int

  static let block = Int(GPT_INTEGER_BLOCK)

  static func blockCount(_ columns: Int) -> Int { (columns + block - 1) / block }

  /// Bytes of `rows` rows of `columns`.
  static func byteCount(rows: Int, columns: Int) -> Int {
    rows * (codeStride(columns) + 4 * blockCount(columns))
  }

  /// Rows that do not exist yet, in memory of that many bytes.
  init(rows: Int, columns: Int, in memory: UnsafeMutableRawPointer) {
    codeStride = IntegerRows.codeStride(columns)
    codes = memory.assumingMemoryBound(to: UInt8.self)
    scales = (memory + rows * codeStride).assumingMemoryBound(to: Float.self)
    scaleStride = IntegerRows.blockCount(columns)
  }

  /// Rows that take the place of fp32 ones: codes first, then scales.
  init(replacing matrix: MatrixView) {
    let memory = UnsafeMutableRawPointer(matrix.pointer)
    codes = memory.assumingMemoryBound(to: UInt8.self)
    codeStride = 4 * matrix.stride
    scales =
      (memory + IntegerRows.block * IntegerRows.blockCount(matrix.columns))
      .assumingMemoryBound(to: Float.self)
    scaleStride = matrix.stride
  }

  /// Whether rows of that many columns have room for their 8-bit form.
  static func fitsIn(columns: Int) -> Bool {
    (block + 4) * blockCount(columns) <= 4 * Tensor.padded(columns)
  }

  /// Row `row` from fp32, zero-padded to a multiple of 16.
  func write(_ row: Int, from x: UnsafePointer<Float>, columns: Int, in context: ComputeContext) {
    context.kernels.pointee.code_row(
      x, Int32((columns + 15) & ~15), codes + row * codeStride, scales + row * scaleStride)
  }

  func view(fromBlock first: Int) -> gpt_integer_rows {
    gpt_integer_rows(
      codes: codes + first * IntegerRows.block, code_stride: codeStride, scales: scales + first,
      scale_stride: scaleStride)
  }

  private static func codeStride(_ columns: Int) -> Int {
    PreparedRows.narrowStride(block * blockCount(columns))
  }
}

extension ComputeContext {
  /// Whether products with quantised weights round their other side to 8 bits. Matrix tiles are
  /// faster in bf16 than vectors are in 8 bits.
  var multipliesIntegers: Bool {
    precision == .int8 && kernels.pointee.has_integer_product != 0
  }
}

extension PackedMatrix {
  /// Whether its products, with many rows, are of 8-bit integers.
  func multipliesIntegers(in context: ComputeContext) -> Bool {
    guard case .quantised = format else { return false }
    return context.multipliesIntegers
  }
}
