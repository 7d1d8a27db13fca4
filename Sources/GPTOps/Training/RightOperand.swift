import CKernels
import GPTTensor

/// The right side of a product.
enum RightOperand {
  case matrix(MatrixView)
  case rows(PreparedRows)
  /// A weight `[N, K]` as it is: the right side of backward.
  case packed(any WeightPanels)
  /// Its transpose `[K, N]`: the right side of forward.
  case packedTransposed(any WeightPanels)

  var rows: Int {
    switch self {
    case .matrix(let matrix): matrix.rows
    case .rows(let prepared): prepared.rows
    case .packed(let weight): weight.outputs
    case .packedTransposed(let weight): weight.inputs
    }
  }

  var columns: Int {
    switch self {
    case .matrix(let matrix): matrix.columns
    case .rows(let prepared): prepared.columns
    case .packed(let weight): weight.inputs
    case .packedTransposed(let weight): weight.outputs
    }
  }

  /// Floats that packing some panels needs besides the panels: a block of 32 by 32 weights for
  /// every two.
  func scratchCount(panels: Int) -> Int {
    guard case .packed = self else { return 0 }
    return WeightTiles.scratchCount(panels: panels, length: PanelPacking.tileLength)
  }
}

extension RightOperand {
  /// Whether it is a weight that is multiplied in 8 bits.
  func multipliesIntegers(in context: ComputeContext) -> Bool {
    switch self {
    case .matrix, .rows: false
    case .packed(let weight), .packedTransposed(let weight): weight.multipliesIntegers(in: context)
    }
  }
}

extension LinearWeight {
  /// What the other side of its products has to be converted into.
  ///
  /// - Parameter floats: whether other products need it in floats, too
  func operandForms(floats: Bool, in context: ComputeContext) -> OperandForms {
    guard case .packed(let matrix) = self, matrix.multipliesIntegers(in: context) else {
      return .floats
    }
    return floats ? [.floats, .integers] : .integers
  }

  /// `[N, K]`
  var rightOperand: RightOperand {
    switch self {
    case .packed(let weight): .packed(weight)
    case .mapped(let weight): .packed(weight)
    case .stored(let weight): .packed(weight)
    case .parameter(let parameter): .matrix(parameter.value.matrix)
    }
  }

  /// `[K, N]`
  var transposedOperand: RightOperand {
    switch self {
    case .packed(let weight): .packedTransposed(weight)
    case .mapped(let weight): .packedTransposed(weight)
    case .stored(let weight): .packedTransposed(weight)
    case .parameter(let parameter): .matrix(parameter.value.matrix.transposed)
    }
  }
}

/// Arranges some panels of sixteen columns of a right side for the kernels.
struct PanelPacking {
  let panels: Range<Int>
  /// Bytes from panel to panel.
  let stride: Int
  /// See `RightOperand.scratchCount`.
  let scratch: UnsafeMutablePointer<Float>?
  let context: ComputeContext

  /// Outputs of a tile of a packed weight.
  fileprivate static let tileLength = 32

  private var column: Int { 16 * panels.lowerBound }

  func packNarrow(
    _ right: RightOperand, depths: Range<Int>, into base: UnsafeMutablePointer<UInt16>
  ) {
    let kernels = context.kernels
    let stride = stride / 2
    let (depth, count) = (Int32(depths.count), Int32(panels.count))
    switch right {
    case .rows(let prepared):
      guard case .narrow(let rows, let rowStride) = prepared.form else {
        preconditionFailure("sides of a product in different precisions")
      }
      kernels.pointee.interleave_bf16(
        rows + depths.lowerBound * rowStride + column, rowStride, depth, count, base, stride)
    case .matrix(let matrix) where matrix.isTransposed:
      for (index, panel) in panels.enumerated() {
        kernels.pointee.pack_rows_bf16(
          matrix.pointer + 16 * panel * matrix.stride + depths.lowerBound, matrix.stride,
          Int32(min(16, matrix.columns - 16 * panel)), depth, base + index * stride)
      }
    case .matrix(let matrix):
      kernels.pointee.pack_columns_bf16(
        matrix.pointer + depths.lowerBound * matrix.stride + column, matrix.stride, depth, count,
        base, stride)
    case .packedTransposed(let weight):
      for (index, panel) in panels.enumerated() {
        weight.narrow(
          panel: panel, blocks: PanelPacking.blocks(of: depths), into: base + index * stride,
          in: context)
      }
    case .packed(let weight):
      tiles(of: weight).forEach(depths: depths) { index, depth, tile in
        kernels.pointee.pack_rows_bf16(
          tile, PanelPacking.tileLength, 16, Int32(PanelPacking.tileLength),
          base + index * stride + depth * 16)
      }
    }
  }

  func packWide(
    _ right: RightOperand, depths: Range<Int>, into base: UnsafeMutablePointer<Float>
  ) {
    let kernels = context.kernels
    let stride = stride / 4
    let (depth, count) = (Int32(depths.count), Int32(panels.count))
    switch right {
    case .rows(let prepared):
      guard case .wide(let rows, let rowStride) = prepared.form else {
        preconditionFailure("sides of a product in different precisions")
      }
      kernels.pointee.pack_columns_f32(
        rows + depths.lowerBound * rowStride + column, rowStride, depth, count, base, stride)
    case .matrix(let matrix) where matrix.isTransposed:
      for (index, panel) in panels.enumerated() {
        kernels.pointee.pack_rows_f32(
          matrix.pointer + 16 * panel * matrix.stride + depths.lowerBound, matrix.stride,
          Int32(min(16, matrix.columns - 16 * panel)), depth, base + index * stride)
      }
    case .matrix(let matrix):
      kernels.pointee.pack_columns_f32(
        matrix.pointer + depths.lowerBound * matrix.stride + column, matrix.stride, depth, count,
        base, stride)
    case .packedTransposed(let weight):
      for (index, panel) in panels.enumerated() {
        weight.widen(
          panel: panel, blocks: PanelPacking.blocks(of: depths), into: base + index * stride,
          stride: 16, in: context)
      }
    case .packed(let weight):
      tiles(of: weight).forEach(depths: depths) { index, depth, tile in
        kernels.pointee.pack_rows_f32(
          tile, PanelPacking.tileLength, 16, Int32(PanelPacking.tileLength),
          base + index * stride + depth * 16)
      }
    }
  }

  /// Blocks of 32 inputs that hold `depths`, which begin with one.
  private static func blocks(of depths: Range<Int>) -> Range<Int> {
    depths.lowerBound / 32..<(depths.upperBound + 31) / 32
  }

  private func tiles(of weight: any WeightPanels) -> WeightTiles {
    guard let scratch else { preconditionFailure("no room to unpack panels \(panels)") }
    return WeightTiles(
      weight: weight, panels: panels, length: PanelPacking.tileLength, scratch: scratch,
      context: context)
  }
}
