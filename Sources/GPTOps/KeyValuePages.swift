import CKernels
package import GPTTensor

/// How keys and values are kept between passes.
public enum CacheType: String, Sendable, CaseIterable {
  case f16, f32

  package var elementBytes: Int { self == .f32 ? 4 : 2 }
  var panelType: gpt_panel_type { self == .f32 ? GPT_PANEL_F32 : GPT_PANEL_F16 }
}

/// Where one block's keys and values lie within a page of the cache.
///
/// A page holds `pageTokens` tokens of every block: per block first the keys, per head
/// `[pageTokens / 16][D][16]`, so that sixteen tokens share a vector; then the values, per head
/// `[pageTokens][D′]` with D′ = D rounded up to 16.
package struct PageLayout: Sendable, Equatable {
  /// Tokens in a page: long enough to amortise a page's set-up, short enough to waste little.
  package static let pageTokens = 64

  package let blockCount: Int
  package let headCount: Int
  package let headWidth: Int
  package let type: CacheType

  package init(blockCount: Int, headCount: Int, headWidth: Int, type: CacheType) {
    self.blockCount = blockCount
    self.headCount = headCount
    self.headWidth = headWidth
    self.type = type
  }

  var valueWidth: Int { Tensor.padded(headWidth) }
  private var keyElements: Int { PageLayout.pageTokens * headWidth }
  private var valueElements: Int { PageLayout.pageTokens * valueWidth }
  private var blockElements: Int { headCount * (keyElements + valueElements) }
  package var pageBytes: Int { blockCount * blockElements * type.elementBytes }

  func keyOffset(block: Int, head: Int) -> Int {
    (block * blockElements + head * keyElements) * type.elementBytes
  }

  func valueOffset(block: Int, head: Int) -> Int {
    (block * blockElements + headCount * keyElements + head * valueElements) * type.elementBytes
  }
}

/// Writes the keys and values of new tokens of one sequence into their pages.
///
/// - Parameters: keys and values `[·, G · D]`, keys already rotated; token t of `rows` goes to
///   position `start + t`; pages cover every position written
package func storeKeyValues(
  keys: Tensor, values: Tensor, rows: Range<Int>, block: Int, start: Int, pages: [AlignedBuffer],
  layout: PageLayout, in context: ComputeContext
) {
  context.forEachRow(rows.count) { index in
    let row = rows.lowerBound + index
    let position = start + index
    let page = pages[position / PageLayout.pageTokens].base
    let slot = position % PageLayout.pageTokens
    for head in 0..<layout.headCount {
      let key = page + layout.keyOffset(block: block, head: head)
      let value = page + layout.valueOffset(block: block, head: head)
      let width = layout.headWidth
      let keyStart = (slot / 16) * width * 16 + slot % 16
      let valueStart = slot * layout.valueWidth
      let newKey = keys.row(row) + head * width
      let newValue = values.row(row) + head * width
      switch layout.type {
      case .f32:
        let target = key.assumingMemoryBound(to: Float.self) + keyStart
        for index in 0..<width { target[index * 16] = newKey[index] }
        (value.assumingMemoryBound(to: Float.self) + valueStart).update(
          from: newValue, count: width)
      case .f16:
        let target = key.assumingMemoryBound(to: UInt16.self) + keyStart
        withUnsafeTemporaryAllocation(of: UInt16.self, capacity: width) { half in
          guard let base = half.baseAddress else { return }
          context.kernels.pointee.to_f16(newKey, base, width)
          for index in 0..<width { target[index * 16] = base[index] }
        }
        context.kernels.pointee.to_f16(
          newValue, value.assumingMemoryBound(to: UInt16.self) + valueStart, width)
      }
    }
  }
}
