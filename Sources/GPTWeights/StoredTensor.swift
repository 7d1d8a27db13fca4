package import GPTTensor

/// A tensor as it lies in a file, encoded and unconverted.
///
/// `bytes` may begin at any address: the safetensors format does not align data, so readers use
/// unaligned loads. Its length is the one that `dtype` and `shape` imply.
package struct StoredTensor: @unchecked Sendable {
  // @unchecked: `bytes` points into `file`, which is kept alive and never written, or into a copy
  // whose maker answers for both.
  package let name: String
  package let dtype: DType
  /// Row-major, outermost dimension first: a weight is `[out, in]` whatever the file's convention.
  package let shape: [Int]
  package let bytes: UnsafeRawBufferPointer
  package let file: MappedFile
  /// The file's name, for messages.
  package let location: String

  package init(
    name: String, dtype: DType, shape: [Int], bytes: UnsafeRawBufferPointer, file: MappedFile,
    location: String
  ) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
    self.bytes = bytes
    self.file = file
    self.location = location
  }

  package var elementCount: Int { shape.reduce(1, *) }

  /// Elements of a row: the innermost dimension, one for a scalar.
  package var columnCount: Int { shape.last ?? 1 }

  /// Rows of the tensor seen as a matrix: the product of all dimensions but the innermost.
  package var rowCount: Int { shape.dropLast().reduce(1, *) }

  /// Bytes of one encoded row.
  package var rowBytes: Int { columnCount / dtype.blockLength * dtype.blockBytes }

  /// Rows as a tensor of their own, in memory that the caller keeps as long as it uses that: to be
  /// read through `bytes` and `dequantise(rows:into:rowStride:)`, which do not ask the file.
  ///
  /// - Parameter target: room for `rows.count * rowBytes` bytes
  package func copy(rows: Range<Int>, to target: UnsafeMutableRawPointer) -> StoredTensor {
    let part = UnsafeRawBufferPointer(
      rebasing: bytes[rows.lowerBound * rowBytes..<rows.upperBound * rowBytes])
    file.copy(part, to: target)
    return StoredTensor(
      name: name, dtype: dtype, shape: [rows.count, columnCount],
      bytes: UnsafeRawBufferPointer(start: target, count: part.count), file: file,
      location: location)
  }

  /// Hands the pages of this tensor back to the kernel; a later access reads them again.
  package func releasePages() { file.release(bytes) }
}
