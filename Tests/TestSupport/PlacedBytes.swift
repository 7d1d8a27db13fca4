import Foundation
package import GPTTensor

/// Bytes in a mapped file of their own, where kernels that read past them are found out.
package struct PlacedBytes {
  package let file: MappedFile
  /// Those of `file` that were placed.
  package let bytes: UnsafeRawBufferPointer

  package enum Place: CaseIterable {
    /// At an address that nothing is aligned to.
    case odd
    /// So that a page ends with them: behind may be no memory at all.
    case endOfPage
  }

  package init(_ content: [UInt8], at place: Place) throws {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let lead = place == .odd ? 3 : (page - content.count % page) % page
    file = try withTemporaryFolder { folder in
      try Data([UInt8](repeating: 255, count: lead) + content)
        .write(to: URL(filePath: folder + "/bytes"))
      return try MappedFile(path: folder + "/bytes")
    }
    bytes = UnsafeRawBufferPointer(rebasing: file.bytes[lead...])
  }
}
