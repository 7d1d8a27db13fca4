import GPTOps
import GPTTensor
import TestSupport

/// A matrix in a file of its own, and the values it really holds.
struct MappedWeights {
  let matrix: MappedMatrix
  /// `[outputs, inputs]`
  let held: [Float]

  /// - Parameter order: the stored row of every output
  init(
    _ values: [Float], outputs: Int, format: RowFormat, place: PlacedBytes.Place = .odd,
    order: RowOrder? = nil,
    rowOfOutput: [Int32]? = nil
  ) throws {
    let inputs = values.count / outputs
    var encoded = [UInt8](repeating: 0, count: values.count * format.elementBytes)
    var held = values
    for output in 0..<outputs {
      let row = rowOfOutput.map { Int($0[output]) } ?? output
      for input in 0..<inputs {
        let (value, bits) = MappedWeights.encoded(values[output * inputs + input], format)
        held[output * inputs + input] = value
        let start = (row * inputs + input) * format.elementBytes
        for byte in 0..<format.elementBytes {
          encoded[start + byte] = UInt8(truncatingIfNeeded: bits >> (8 * UInt32(byte)))
        }
      }
    }
    let placed = try PlacedBytes(encoded, at: place)
    self.held = held
    matrix = MappedMatrix(
      rows: placed.bytes, in: placed.file, outputs: outputs, inputs: inputs, format: format,
      order: order)
  }

  private static func encoded(_ value: Float, _ format: RowFormat) -> (Float, UInt32) {
    switch format {
    case .f32: return (value, value.bitPattern)
    case .f16: return (Float(Float16(value)), UInt32(Float16(value).bitPattern))
    case .bf16:
      guard value.isFinite else { return (value, value.bitPattern >> 16) }
      return (value.roundedToBF16, value.roundedToBF16.bitPattern >> 16)
    }
  }
}
