import GPTTensor

/// How a worker's memory is divided among what a tile needs; every part starts at a cache line.
struct AttentionMemory {
  let pageCount: Int
  private let ends: (pages: Int, queries: Int, output: Int, scores: Int, bounds: Int, narrow: Int)
  private let rows: Int
  private let width: Int

  init(rows: Int, pages: Int, layout: PageLayout) {
    func end(_ start: Int, _ bytes: Int) -> Int { start + (bytes + 63) & ~63 }
    self.rows = rows
    pageCount = pages
    width = layout.narrowWidth
    let unpacked = layout.type == .q8 ? PageLayout.pageTokens * layout.valueWidth : 0
    ends.pages = end(0, pages * 16)
    ends.queries = end(ends.pages, rows * width * 4)
    ends.output = end(ends.queries, rows * layout.valueWidth * 4)
    ends.scores = end(ends.output, (rows * (PageLayout.pageTokens + 2) + unpacked) * 4)
    ends.bounds = end(ends.scores, rows * 8)
    // Queries and weights in bf16, or queries in two codes of 8 bits with 12 bytes for each 32.
    let narrow = max(2 * (width + PageLayout.pageTokens), 2 * width + width / 32 * 12)
    ends.narrow = end(ends.bounds, rows * narrow)
  }

  var byteCount: Int { ends.narrow }

  func pages(_ base: UnsafeMutableRawPointer) -> UnsafeMutablePointer<UnsafeRawPointer?> {
    base.assumingMemoryBound(to: UnsafeRawPointer?.self)
  }
  func queries(_ base: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Float> {
    (base + ends.pages).assumingMemoryBound(to: Float.self)
  }
  func output(_ base: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Float> {
    (base + ends.queries).assumingMemoryBound(to: Float.self)
  }
  func scores(_ base: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Float> {
    (base + ends.output).assumingMemoryBound(to: Float.self)
  }
  func bounds(_ base: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Int32> {
    (base + ends.scores).assumingMemoryBound(to: Int32.self)
  }
  func narrowQueries(_ base: UnsafeMutableRawPointer) -> UnsafeMutablePointer<UInt16> {
    (base + ends.bounds).assumingMemoryBound(to: UInt16.self)
  }
  func narrowWeights(_ base: UnsafeMutableRawPointer) -> UnsafeMutablePointer<UInt16> {
    narrowQueries(base) + rows * width
  }
  func quantisedQueries(_ base: UnsafeMutableRawPointer)
    -> (UnsafeMutablePointer<Int8>, UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>)
  {
    let codes = base + ends.bounds
    let scales = codes + 2 * rows * width
    let sums = scales + rows * width / 8
    return (
      codes.assumingMemoryBound(to: Int8.self), scales.assumingMemoryBound(to: Float.self),
      sums.assumingMemoryBound(to: Float.self)
    )
  }
}
