import CKernels
package import GPTTensor
import Glibc
import Synchronization

/// Packed weights that are to move into large pages once a prompt has been read: a page that is
/// copied exists twice, which would count beside the prompt's activations, and takes a core's time
/// from the first token.
package final class LargePageMove: Sendable {
  private let buffers: [AlignedBuffer]
  private let hasBegun = Atomic<Bool>(false)

  package init(_ buffers: [AlignedBuffer]) { self.buffers = buffers }

  /// Begins the first time it is called.
  package func begin() {
    guard !hasBegun.load(ordering: .relaxed), !hasBegun.exchange(true, ordering: .relaxed) else {
      return
    }
    moveToLargePages(buffers)
  }
}

/// Moves buffers that are only read from now on into large pages, on a thread of its own: decoding
/// reads weights an eighth faster from those.
///
/// The kernel could give large pages at once, but a virtual machine's host takes exactly those back
/// while they are free, and the first token would wait for it to return them. A page is copied and
/// takes the place of the small ones in one step, so readers see the same bytes throughout.
package func moveToLargePages(_ buffers: [AlignedBuffer]) {
  let box = Unmanaged.passRetained(LargePages(buffers))
  var thread = pthread_t()
  let failed = pthread_create(
    &thread, nil,
    { argument in
      if let argument { Unmanaged<LargePages>.fromOpaque(argument).takeRetainedValue().run() }
      return nil
    }, box.toOpaque())
  if failed == 0 { pthread_detach(thread) } else { box.release() }
}

private final class LargePages {
  private var buffers: [AlignedBuffer]

  init(_ buffers: [AlignedBuffer]) { self.buffers = buffers }

  func run() {
    gpt_yield_to_others()
    let size = Int(GPT_LARGE_PAGE)
    for buffer in buffers {
      let end = UInt(bitPattern: buffer.base) + UInt(buffer.byteCount)
      var page = (UInt(bitPattern: buffer.base) + UInt(size) - 1) / UInt(size) * UInt(size)
      while page + UInt(size) <= end {
        guard gpt_move_to_large_page(UnsafeMutableRawPointer(bitPattern: page)) != 0 else { return }
        page += UInt(size)
      }
    }
  }
}
