import CKernels
package import GPTTensor

/// Writes the keys and values of new tokens into the pages of their sequences.
///
/// - Parameters: keys and values `[·, G · D]`, keys already rotated; token t of a sequence's rows
///   goes to position `start + t`; pages cover every position written
package func storeKeyValues(
  keys: Tensor, values: Tensor, sequences: [CachedSequence], block: Int, layout: PageLayout,
  in context: ComputeContext
) {
  for sequence in sequences {
    context.forEachRow(sequence.rows.count) { index in
      let position = sequence.start + index
      let page = sequence.pages[position / PageLayout.pageTokens]
      for head in 0..<layout.headCount {
        let slot = PageSlot(
          keys: page + layout.keyOffset(block: block, head: head),
          values: page + layout.valueOffset(block: block, head: head),
          index: position % PageLayout.pageTokens, layout: layout,
          kernels: context.kernels)
        let offset = head * layout.headWidth
        let row = sequence.rows.lowerBound + index
        slot.store(key: keys.row(row) + offset, value: values.row(row) + offset)
      }
    }
  }
}

/// One token's place in one head's part of a page.
private struct PageSlot {
  let keys: UnsafeMutableRawPointer
  let values: UnsafeMutableRawPointer
  let index: Int
  let layout: PageLayout
  let kernels: UnsafePointer<gpt_kernels>

  private var panel: Int { index / 16 }
  private var lane: Int { index % 16 }

  func store(key: UnsafePointer<Float>, value: UnsafePointer<Float>) {
    switch layout.type {
    case .f32:
      storeKey(key, as: Float.self)
      (values.assumingMemoryBound(to: Float.self) + index * layout.valueWidth).update(
        from: value, count: layout.headWidth)
    case .f16:
      converted(key, by: kernels.pointee.to_f16) { storeKey($0, as: UInt16.self) }
      kernels.pointee.to_f16(
        value, values.assumingMemoryBound(to: UInt16.self) + index * layout.valueWidth,
        layout.headWidth)
    case .bf16:
      // Closures: a method as an argument is an allocation, and there are millions.
      converted(key, by: kernels.pointee.to_bf16) { storeNarrowKey($0) }
      converted(value, by: kernels.pointee.to_bf16) { storeNarrowValue($0) }
    case .q8:
      quantised(key) { storeQuantisedKey($0) }
      quantised(value) { storeQuantisedValue($0) }
    }
  }

  /// Into `[pageTokens / 16][D][16]`.
  private func storeKey<Element>(_ key: UnsafePointer<Element>, as type: Element.Type) {
    let width = layout.headWidth
    let target = keys.assumingMemoryBound(to: type) + panel * width * 16 + lane
    for index in 0..<width { target[index * 16] = key[index] }
  }

  /// Into `[pageTokens / 16][D32 / 2][16][2]`.
  private func storeNarrowKey(_ key: UnsafePointer<UInt16>) {
    let target =
      keys.assumingMemoryBound(to: UInt16.self) + panel * layout.narrowWidth * 16 + lane * 2
    let width = layout.headWidth
    for pair in 0..<width / 2 {
      target[pair * 32] = key[2 * pair]
      target[pair * 32 + 1] = key[2 * pair + 1]
    }
    if width % 2 == 1 { target[width / 2 * 32] = key[width - 1] }
  }

  /// Into `[D16 / 16][pageTokens / 2][16][2]`.
  private func storeNarrowValue(_ value: UnsafePointer<UInt16>) {
    let target = values.assumingMemoryBound(to: UInt16.self) + index / 2 * 32 + index % 2
    let panelStride = PageLayout.pageTokens * 16
    for first in stride(from: 0, to: layout.headWidth, by: 16) {
      let panel = target + first / 16 * panelStride
      for lane in 0..<min(16, layout.headWidth - first) { panel[lane * 2] = value[first + lane] }
    }
  }

  private typealias Blocks = (codes: UnsafePointer<Int8>, scales: UnsafePointer<Float>)

  private func storeQuantisedKey(_ row: Blocks) {
    let blocks = layout.narrowWidth / 32
    for block in 0..<blocks {
      let target = keys + (panel * blocks + block) * PageLayout.keyBlockBytes
      let codes = target.assumingMemoryBound(to: UInt8.self) + lane * 4
      for index in 0..<32 {
        codes[index / 4 * 64 + index % 4] = biased(row.codes[64 * block + index])
      }
      let scales = (target + PageLayout.keyBlockCodes).assumingMemoryBound(to: UInt16.self)
      scales[lane] = keptScale(row.scales[block])
    }
  }

  private func storeQuantisedValue(_ row: Blocks) {
    let width = layout.narrowWidth
    let target = values.assumingMemoryBound(to: UInt8.self) + index / 2 * width * 2 + index % 2 * 2
    for index in 0..<width {
      let code = row.codes[index / 32 * 64 + index % 32]
      target[index / 32 * 64 + index % 16 * 4 + index % 32 / 16] = biased(code)
    }
    let pageScales = values + PageLayout.pageTokens * width
    let scales = pageScales.assumingMemoryBound(to: UInt16.self) + index * width / 32
    for block in 0..<width / 32 { scales[block] = keptScale(row.scales[block]) }
  }

  /// Of upper codes alone.
  private func keptScale(_ scale: Float) -> UInt16 { gpt_f16_from_f32(256 * scale) }

  private func biased(_ code: Int8) -> UInt8 { UInt8(bitPattern: code) ^ 0x80 }

  private func converted(
    _ row: UnsafePointer<Float>,
    by convert: (UnsafePointer<Float>?, UnsafeMutablePointer<UInt16>?, Int) -> Void,
    _ body: (UnsafePointer<UInt16>) -> Void
  ) {
    withUnsafeTemporaryAllocation(of: UInt16.self, capacity: layout.headWidth) { narrow in
      guard let base = narrow.baseAddress else { return }
      convert(row, base, layout.headWidth)
      body(base)
    }
  }

  private func quantised(_ row: UnsafePointer<Float>, _ body: (Blocks) -> Void) {
    let width = layout.narrowWidth
    let blocks = width / 32
    // The padded row, its scales, its sums (which nobody reads) and its codes, of which the upper ones
    // are kept.
    let bytes = width * 4 + blocks * 12 + 2 * width
    withUnsafeTemporaryAllocation(byteCount: bytes, alignment: 64) { memory in
      guard let start = memory.baseAddress else { return }
      let padded = start.bindMemory(to: Float.self, capacity: width)
      padded.update(from: row, count: layout.headWidth)
      (padded + layout.headWidth).update(repeating: 0, count: width - layout.headWidth)
      let scales = (start + width * 4).bindMemory(to: Float.self, capacity: blocks)
      let sums = (start + width * 4 + blocks * 4).bindMemory(to: Float.self, capacity: 2 * blocks)
      let codes = (start + width * 4 + blocks * 12).bindMemory(to: Int8.self, capacity: 2 * width)
      kernels.pointee.quantise_row(padded, Int32(blocks), codes, scales, sums)
      body((UnsafePointer(codes), UnsafePointer(scales)))
    }
  }
}
