import CKernels
import GPTTensor

/// C = A · B, or C += A · B, for operands that change from step to step.
///
///     c[m, n] (+)= Σ over k of a[m, k] · b[k, n]
///
/// - Parameters: left `[M, K]`, right `[K, N]`, each a tensor or its transpose; c `[M, N]`, not
///   transposed
///
/// bf16 products with fp32 sums where the context allows, fp32 otherwise. Work is split over
/// columns of C, and every element is summed in order of k, so that threads change nothing.
package func multiply(
  _ left: MatrixView, _ right: MatrixView, into c: MatrixView, accumulate: Bool = false,
  in context: ComputeContext
) {
  let operand: LeftOperand
  if left.isTransposed {
    let rows = PreparedRows(left.transposed, memory: .slot(.rows), in: context)
    operand = LeftOperand(transposing: rows, in: context)
  } else {
    operand = LeftOperand(PreparedRows(left, memory: .slot(.rows), in: context))
  }
  multiply(
    operand, [Product(right: .matrix(right), c: c)], accumulate: accumulate, in: context)
}

/// One right side, and where its product goes.
struct Product {
  let right: RightOperand
  let c: MatrixView
  /// `[1, N]`, added to every row of the product.
  var bias: Tensor?
  /// `[M, N]`, added to the product.
  var addend: Tensor?
  /// Other products of that shape, added to this one.
  var terms: [Term] = []

  struct Term {
    let left: LeftOperand
    let right: RightOperand
  }
}

/// The products of one left side with several right sides, in one parallel region.
func multiply(
  _ left: LeftOperand, _ products: [Product], accumulate: Bool, in context: ComputeContext
) {
  multiply(
    products.map { WholeProduct(left: left, product: $0, accumulate: accumulate) }, in: context)
}

/// A product with both of its sides.
struct WholeProduct {
  let left: LeftOperand
  let product: Product
  let accumulate: Bool
  /// Called with panels of sixteen columns as soon as they are computed, on the thread that did it.
  var finish: ((Range<Int>) -> Void)?
}

/// Several products in one parallel region.
func multiply(_ products: [WholeProduct], in context: ComputeContext) {
  var jobs: [(index: Int, job: PanelJob)] = []
  for (index, whole) in products.enumerated() {
    let (left, product) = (whole.left, whole.product)
    let (right, c) = (product.right, product.c)
    precondition(left.columns == right.rows, "depth \(left.columns) and \(right.rows)")
    precondition(left.rows == c.rows && right.columns == c.columns && !c.isTransposed)
    for term in product.terms {
      precondition(term.left.columns == term.right.rows && term.left.rows == c.rows)
      precondition(term.right.columns == c.columns)
    }
    let panels = (c.columns + 15) / 16
    let size = PanelJob.panelCount(of: panels, threads: context.pool.threadCount)
    let frozen = left.integers == nil ? nil : context.frozenPanels?.panels(of: right, in: context)
    for first in stride(from: 0, to: panels, by: size) {
      let range = first..<min(first + size, panels)
      jobs.append((index, PanelJob(product: product, frozen: frozen, panels: range)))
    }
  }
  let count = jobs.count
  jobs.withUnsafeBufferPointer { jobs in
    context.pool.run(count) { chunk, worker in
      let (index, job) = jobs[chunk]
      let whole = products[index]
      job.run(whole.left, accumulate: whole.accumulate, worker: worker, in: context)
      whole.finish?(job.panels)
    }
  }
}

/// Some panels of sixteen columns of one product.
struct PanelJob {
  let product: Product
  /// All of the right side in 8 bits, if it is kept.
  var frozen: IntegerPanels?
  let panels: Range<Int>

  var c: MatrixView { product.c }

  /// Panels of a chunk: many read the left side less often; but every thread should have equally
  /// many chunks, and more than one, as a core may be slow.
  static func panelCount(of panels: Int, threads: Int) -> Int {
    func idleShare(_ size: Int) -> Double {
      let chunks = (panels + size - 1) / size
      let rounds = (chunks + threads - 1) / threads
      return rounds < 2 ? 1 : 1 - Double(panels) / Double(rounds * threads * size)
    }
    let sizes = [8, 6, 4, 2]
    return sizes.first { idleShare($0) < 0.05 } ?? sizes.min { idleShare($0) < idleShare($1) } ?? 2
  }

  /// Depth of a packed block: four to eight panels of it stay in a second-level cache of 1 MB.
  private static let narrowDepth = 2048
  private static let wideDepth = 1024

  /// The depth that a bf16 product walks: pairs, on matrix tiles whole tiles. An adapter's rank is a
  /// fraction of one.
  private static func depth(_ count: Int, in context: ComputeContext) -> Int {
    context.level == .amx ? (count + 31) & ~31 : (count + 1) & ~1
  }

  func run(_ left: LeftOperand, accumulate: Bool, worker: Int, in context: ComputeContext) {
    let integers = product.right.multipliesIntegers(in: context) ? left.integers : nil
    if let integers {
      add(
        integers, rows: left.rows, product.right, accumulate: accumulate, worker: worker,
        in: context)
    } else {
      add(left, product.right, accumulate: accumulate, worker: worker, in: context)
    }
    for term in product.terms {
      add(term.left, term.right, accumulate: true, worker: worker, in: context)
    }
    // Products of bf16 and of integers begin with these terms.
    if case .narrow = left.form { return }
    if integers == nil { addTerms(context) }
  }

  /// These panels of left · right go to those of c.
  func add(
    _ left: LeftOperand, _ right: RightOperand, accumulate: Bool, worker: Int,
    in context: ComputeContext
  ) {
    if multiplyFew(left, right, accumulate: accumulate, in: context) { return }
    let isNarrow = if case .narrow = left.form { true } else { false }
    let depth = isNarrow ? PanelJob.narrowDepth : PanelJob.wideDepth
    let padded = min((right.rows + 31) & ~31, depth)
    let panelBytes = padded * 16 * (isNarrow ? 2 : 4)
    let packed = panels.count * panelBytes
    let scratch = context.pool.scratch(
      worker: worker, byteCount: packed + 4 * right.scratchCount(panels: panels.count))
    let packing = PanelPacking(
      panels: panels, stride: panelBytes,
      scratch: (scratch + packed).assumingMemoryBound(to: Float.self), context: context)
    for start in stride(from: 0, to: right.rows, by: depth) {
      let count = min(depth, right.rows - start)
      let adds = accumulate || start > 0
      switch left.form {
      case .narrow(let x, let stride):
        packing.packNarrow(
          right, depths: start..<start + count, into: scratch.assumingMemoryBound(to: UInt16.self))
        multiplyNarrow(
          x + start, stride: stride, rows: left.rows, depth: PanelJob.depth(count, in: context),
          scratch, panelBytes, adds, context)
      case .wide(let x, let stride):
        packing.packWide(
          right, depths: start..<start + count, into: scratch.assumingMemoryBound(to: Float.self))
        multiplyWide(
          x + start, stride: stride, step: 1, rows: 0..<left.rows, depth: count, scratch,
          panelBytes, adds, context)
      case .panels(let x):
        packing.packWide(
          right, depths: start..<start + count, into: scratch.assumingMemoryBound(to: Float.self))
        for row in Swift.stride(from: 0, to: left.rows, by: 16) {
          multiplyWide(
            x + row * left.columns + 16 * start, stride: 1, step: 16,
            rows: row..<min(row + 16, left.rows), depth: count, scratch, panelBytes, adds, context)
        }
      case .none: preconditionFailure("a product of floats with rows in 8 bits")
      }
    }
  }

  /// Rows of the left side up to which the right side's are read as they lie: arranging them would
  /// take longer than multiplying them.
  private static let fewRows = 16

  /// The product of a few bf16 rows with rows, without panels; false when it has to be another way.
  private func multiplyFew(
    _ left: LeftOperand, _ right: RightOperand, accumulate: Bool, in context: ComputeContext
  ) -> Bool {
    guard left.rows <= PanelJob.fewRows, case .rows(let rows) = right,
      case .narrow(let x, let stride) = rows.form,
      case .narrow(let factors, let factorStride) = left.form,
      product.bias == nil, product.addend == nil,
      let multiply = context.kernels.pointee.bf16_rows_product
    else { return false }
    let first = 16 * panels.lowerBound
    var arguments = gpt_bf16_rows_product(
      factors: factors, factor_stride: factorStride, rows: Int32(left.rows), x: x + first,
      x_stride: stride, depth: Int32(right.rows), columns: Int32(16 * panels.count),
      y: c.pointer + first, y_stride: c.stride, accumulate: accumulate ? 1 : 0)
    multiply(&arguments)
    return true
  }

  /// Bias and addend, while the panels' columns are still in the cache.
  private func addTerms(_ context: ComputeContext) {
    guard product.bias != nil || product.addend != nil else { return }
    let first = 16 * panels.lowerBound
    let count = min(16 * panels.upperBound, c.columns) - first
    let add = context.kernels.pointee.add
    for row in 0..<c.rows {
      let target = c.pointer + row * c.stride + first
      if let bias = product.bias { add?(target, bias.pointer + first, target, count) }
      if let addend = product.addend { add?(target, addend.row(row) + first, target, count) }
    }
  }

  private func multiplyNarrow(
    _ x: UnsafePointer<UInt16>, stride: Int, rows: Int, depth: Int,
    _ scratch: UnsafeMutableRawPointer, _ panelBytes: Int, _ adds: Bool, _ context: ComputeContext
  ) {
    let first = 16 * panels.lowerBound
    var arguments = gpt_bf16_product(
      x: x, x_stride: stride, rows: Int32(rows),
      panels: UnsafePointer(scratch.assumingMemoryBound(to: UInt16.self)),
      panel_stride: panelBytes, panel_count: Int32(panels.count), depth: Int32(depth),
      y: c.pointer + first, y_stride: c.stride, accumulate: adds ? 1 : 0,
      bias: product.bias.map { UnsafePointer($0.pointer + first) },
      addend: product.addend.map { UnsafePointer($0.pointer + first) },
      addend_stride: product.addend?.stride ?? 0)
    context.kernels.pointee.bf16_product?(&arguments)
  }

  private func multiplyWide(
    _ x: UnsafePointer<Float>, stride: Int, step: Int, rows: Range<Int>, depth: Int,
    _ scratch: UnsafeMutableRawPointer, _ panelBytes: Int, _ adds: Bool, _ context: ComputeContext
  ) {
    var product = gpt_float_product(
      x: x, x_stride: stride, x_step: step, rows: Int32(rows.count), type: GPT_PANEL_F32,
      panels: scratch, depth_stride: 64, panel_stride: panelBytes,
      panel_count: Int32(panels.count), depth: Int32(depth),
      y: c.pointer + rows.lowerBound * c.stride + 16 * panels.lowerBound, y_stride: c.stride,
      accumulate: adds ? 1 : 0, ahead: 0)
    context.kernels.pointee.float_product(&product)
  }
}
