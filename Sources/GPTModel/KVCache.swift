package import GPTOps
package import GPTTensor

/// Keys and values of one sequence, in pages that sequences may share.
///
/// Not safe for use by two threads at once; the workspace for activations lives here too, so that
/// sequences of one model run independently.
package final class KVCache {
  package let layout: PageLayout
  package let contextLength: Int
  /// The tokens whose keys and values the cache holds.
  package private(set) var tokens: [Int32] = []
  package private(set) var pages: [AlignedBuffer] = []
  let workspace = Workspace()
  let scratch = Workspace()

  package init(layout: PageLayout, contextLength: Int) {
    self.layout = layout
    self.contextLength = contextLength
  }

  /// A cache that holds `tokens`, whose keys and values are in `pages`, all of them full.
  package convenience init(
    layout: PageLayout, contextLength: Int, tokens: [Int32], pages: [AlignedBuffer]
  ) {
    precondition(
      tokens.count == pages.count * PageLayout.pageTokens,
      "\(tokens.count) tokens in \(pages.count) pages")
    self.init(layout: layout, contextLength: contextLength)
    self.tokens = tokens
    self.pages = pages
  }

  package var tokenCount: Int { tokens.count }

  /// Bytes of the pages in use.
  package var byteCount: Int { pages.count * layout.pageBytes }

  /// Forgets everything from position `count` on.
  package func truncate(to count: Int) {
    guard count < tokens.count else { return }
    tokens.removeLast(tokens.count - max(count, 0))
    let kept = PageLayout.pageCount(tokens: tokens.count)
    pages.removeLast(pages.count - kept)
  }

  /// A cache that begins with the same tokens; whole pages are shared, the last one is copied.
  package func fork() -> KVCache {
    let copy = KVCache(layout: layout, contextLength: contextLength)
    copy.tokens = tokens
    copy.pages = pages
    if tokens.count % PageLayout.pageTokens != 0, let last = pages.last {
      let page = AlignedBuffer(byteCount: layout.pageBytes)
      page.base.copyMemory(from: last.base, byteCount: layout.pageBytes)
      copy.pages[copy.pages.count - 1] = page
    }
    return copy
  }

  /// Makes room for `count` more tokens; pages shared with another cache that are about to be
  /// written are replaced by copies.
  ///
  /// - Returns: the pages that are new
  func reserve(_ count: Int) -> ArraySlice<AlignedBuffer> {
    let needed = PageLayout.pageCount(tokens: tokens.count + count)
    let firstWritten = tokens.count / PageLayout.pageTokens
    if firstWritten < pages.count, !isKnownUniquelyReferenced(&pages[firstWritten]) {
      let copy = AlignedBuffer(byteCount: layout.pageBytes)
      copy.base.copyMemory(from: pages[firstWritten].base, byteCount: layout.pageBytes)
      pages[firstWritten] = copy
    }
    let before = pages.count
    while pages.count < needed { pages.append(AlignedBuffer(byteCount: layout.pageBytes)) }
    return pages[before...]
  }

  /// Gives back the memory of activations, between passes.
  func discardWorkspaces() {
    workspace.discardMemory()
    scratch.discardMemory()
  }

  func append(_ newTokens: ArraySlice<Int32>) { tokens.append(contentsOf: newTokens) }
}
