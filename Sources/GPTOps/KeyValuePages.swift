import CKernels
import GPTTensor

/// How keys and values are kept between passes.
public enum CacheType: String, Sendable, CaseIterable {
  case f32, f16, bf16
  /// 8 bits an element, and a scale in fp16 for 32 of them.
  case q8 = "q8_0"

  var pageType: gpt_page_type {
    switch self {
    case .f32: GPT_PAGE_F32
    case .f16: GPT_PAGE_F16
    case .bf16: GPT_PAGE_BF16
    case .q8: GPT_PAGE_Q8
    }
  }
}

extension ComputeContext {
  /// How keys and values are kept unless the caller says otherwise: as attention multiplies them.
  package var defaultCacheType: CacheType {
    precision == .fp32 ? .f32 : multipliesNarrow ? .bf16 : .f16
  }
}

/// Where one block's keys and values lie within a page of the cache.
///
/// A page holds `pageTokens` tokens of every block: per block first the keys head after head, then
/// the values, each as `gpt_page_type` in CKernels says.
package struct PageLayout: Sendable, Equatable {
  /// Tokens in a page: long enough to amortise a page's set-up, short enough to waste little.
  package static let pageTokens = 64
  /// Bytes of codes in a block of quantised keys, and of the block with its scales.
  static let (keyBlockCodes, keyBlockBytes) = (512, 544)

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
  /// The width rounded up to what products of narrow elements take.
  var narrowWidth: Int { (headWidth + 31) & ~31 }

  private var keyBytes: Int {
    switch type {
    case .f32: PageLayout.pageTokens * headWidth * 4
    case .f16: PageLayout.pageTokens * headWidth * 2
    case .bf16: PageLayout.pageTokens * narrowWidth * 2
    case .q8: PageLayout.pageTokens * narrowWidth / 16 * 17
    }
  }
  private var valueBytes: Int {
    switch type {
    case .f32: PageLayout.pageTokens * valueWidth * 4
    case .f16, .bf16: PageLayout.pageTokens * valueWidth * 2
    case .q8: keyBytes
    }
  }
  private var blockBytes: Int { headCount * (keyBytes + valueBytes) }
  package var pageBytes: Int { blockCount * blockBytes }

  func keyOffset(block: Int, head: Int) -> Int { block * blockBytes + head * keyBytes }

  func valueOffset(block: Int, head: Int) -> Int {
    block * blockBytes + headCount * keyBytes + head * valueBytes
  }

  /// Pages that hold the tokens below `count`.
  package static func pageCount(tokens count: Int) -> Int {
    (count + pageTokens - 1) / pageTokens
  }
}

/// The rows of a pass that belong to one sequence, and where its cache is.
package struct CachedSequence {
  package let rows: Range<Int>
  /// Position of the first of the rows.
  package let start: Int
  /// Start of each page, for every position up to the last row's; the cache outlives the pass.
  package let pages: [UnsafeMutableRawPointer]

  package init(rows: Range<Int>, start: Int, pages: [UnsafeMutableRawPointer]) {
    self.rows = rows
    self.start = start
    self.pages = pages
  }
}
