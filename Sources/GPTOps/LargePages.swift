import CKernels
package import GPTTensor
import Glibc
import Synchronization

/// Weights that are to move into large pages once a prompt has been read: a page that is copied exists
/// twice, which would count beside the prompt's activations, and takes a core's time from the first
/// token.
package final class LargePageMove: Sendable {
  private let memory: [StillMemory]
  private let hasBegun = Atomic<Bool>(false)

  package init(_ memory: [StillMemory]) { self.memory = memory }

  /// Begins the first time it is called.
  package func begin() {
    guard !hasBegun.load(ordering: .relaxed), !hasBegun.exchange(true, ordering: .relaxed) else {
      return
    }
    moveToLargePages(memory)
  }
}

/// Memory that is only read from now on, and what keeps it.
package struct StillMemory: @unchecked Sendable {
  // @unchecked: the bytes do not change.
  let bytes: UnsafeRawBufferPointer
  private let owner: Owner

  private enum Owner {
    case buffer(AlignedBuffer)
    case file(MappedFile)
  }

  package init(_ buffer: AlignedBuffer) {
    bytes = UnsafeRawBufferPointer(start: buffer.base, count: buffer.byteCount)
    owner = .buffer(buffer)
  }

  /// - Parameter bytes: of the file's mapping
  package init(_ bytes: UnsafeRawBufferPointer, of file: MappedFile) {
    self.bytes = bytes
    owner = .file(file)
  }

  /// To be called before its pages are replaced.
  func pin() { if case .file(let file) = owner { file.pin() } }
}

/// Moves memory into large pages, on a thread of its own: decoding reads weights an eighth faster from
/// those, and from a file's small pages slower still.
///
/// The kernel could give large pages at once, but a virtual machine's host takes exactly those back
/// while they are free, and the first token would wait for it to return them. A page is copied and
/// takes the place of the small ones in one step, so readers see the same bytes throughout.
package func moveToLargePages(_ memory: [StillMemory]) {
  let box = Unmanaged.passRetained(LargePages(memory))
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
  private let memory: [StillMemory]

  init(_ memory: [StillMemory]) { self.memory = memory }

  func run() {
    gpt_yield_to_others()
    let size = Int(GPT_LARGE_PAGE)
    for part in memory {
      part.pin()
      let start = UInt(bitPattern: part.bytes.baseAddress)
      let end = start + UInt(part.bytes.count)
      var page = (start + UInt(size) - 1) / UInt(size) * UInt(size)
      while page + UInt(size) <= end {
        guard gpt_move_to_large_page(UnsafeMutableRawPointer(bitPattern: page)) != 0 else { return }
        page += UInt(size)
      }
    }
  }
}
