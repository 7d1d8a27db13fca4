/// A weight matrix `[N, K]` that does not change, as products of many rows read it: in panels of 16
/// outputs and blocks of 32 inputs, converted into scratch memory as they are needed.
protocol WeightPanels: AnyObject, Sendable {
  var outputs: Int { get }
  var inputs: Int { get }
  /// Inputs rounded up to whole blocks.
  var depth: Int { get }
  var panelCount: Int { get }

  /// Some blocks of a panel as fp32: a row of 16 outputs for every input, `stride` floats apart;
  /// what does not exist is zero.
  func widen(
    panel: Int, blocks: Range<Int>, into target: UnsafeMutablePointer<Float>, stride: Int,
    in context: ComputeContext)

  /// The same as bf16 pairs `[16 · blocks][16][2]`.
  func narrow(
    panel: Int, blocks: Range<Int>, into target: UnsafeMutablePointer<UInt16>,
    in context: ComputeContext)

  /// Whether its products, with many rows, are of 8-bit integers.
  func multipliesIntegers(in context: ComputeContext) -> Bool
}

extension PackedMatrix: WeightPanels {}
