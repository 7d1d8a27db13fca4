/// A weight that no optimizer changes.
enum FrozenWeight {
  case packed(PackedMatrix)
  case mapped(MappedMatrix)
  case stored(StoredMatrix)

  init?(_ weight: LinearWeight) {
    switch weight {
    case .packed(let matrix): self = .packed(matrix)
    case .mapped(let matrix): self = .mapped(matrix)
    case .stored(let matrix): self = .stored(matrix)
    case .parameter: return nil
    }
  }

  var panels: any WeightPanels {
    switch self {
    case .packed(let matrix): matrix
    case .mapped(let matrix): matrix
    case .stored(let matrix): matrix
    }
  }

  var panelCount: Int {
    switch self {
    case .packed(let matrix): matrix.panelCount
    case .mapped(let matrix): matrix.panelCount
    case .stored(let matrix): matrix.panelCount
    }
  }

  var inputs: Int {
    switch self {
    case .packed(let matrix): matrix.inputs
    case .mapped(let matrix): matrix.inputs
    case .stored(let matrix): matrix.inputs
    }
  }

  /// The panels of a chunk when some are in another order: units begin where a chunk does not.
  func wholeUnits(_ range: Range<Int>) -> Range<Int> {
    guard case .mapped(let matrix) = self else { return range }
    let unit = matrix.panelsOfUnit
    return (range.lowerBound + unit - 1) / unit * unit..<(range.upperBound + unit - 1) / unit * unit
  }

  var byteCount: Int {
    switch self {
    case .packed(let matrix): matrix.byteCount
    case .mapped(let matrix): matrix.byteCount
    case .stored(let matrix): matrix.byteCount
    }
  }
}

/// How the product with such a weight is computed.
enum PackedPath {
  /// Floats as they are packed.
  case panels
  /// Floats as a file holds them.
  case rows
  /// Blocks as a file holds them, with rows in two codes of 8 bits.
  case blocks
  /// Codes with rows in two codes of 8 bits.
  case quantised
  /// Codes with rows in 16 bits.
  case int16
  /// Both sides rounded to bf16 or to 8 bits, by `multiply`.
  case multiplied
  /// fp32 panels unpacked first.
  case unpacked

  init(of weight: FrozenWeight, rows: Int, in context: ComputeContext) {
    let few = rows <= smallRowCount
    switch weight {
    case .packed(let matrix): self.init(of: matrix.format, few: few, in: context)
    case .stored where few && context.precision != .fp32: self = .blocks
    case .stored: self = PackedPath(ofManyRows: context, integers: false)
    case .mapped(let matrix):
      let isRounded = matrix.format == .bf16 || context.precision == .bf16
      self = few ? .rows : isRounded && context.multipliesNarrow ? .multiplied : .unpacked
    }
  }

  private init(of format: PanelFormat, few: Bool, in context: ComputeContext) {
    let bf16 = context.multipliesNarrow
    switch format {
    case .f32, .f16:
      self = bf16 && !few && context.precision == .bf16 ? .multiplied : .panels
    case .bf16:
      self = bf16 && !few ? .multiplied : .panels
    case .quantised:
      if few && context.precision != .fp32 {
        self = .quantised
      } else {
        self = PackedPath(ofManyRows: context, integers: context.multipliesIntegers)
      }
    }
  }

  /// Of codes.
  private init(ofManyRows context: ComputeContext, integers: Bool) {
    let isMultiplied = context.multipliesNarrow || integers
    self = isMultiplied ? .multiplied : context.multipliesInt16 ? .int16 : .unpacked
  }
}
