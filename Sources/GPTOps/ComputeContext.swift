import CKernels
package import GPTTensor
import Glibc

/// Which instruction set the kernels use; `GPT_KERNELS` forces one.
package enum KernelLevel: String, CaseIterable, Sendable {
  case portable, avx2, avx512, amx

  package static var best: KernelLevel {
    switch gpt_best_level() {
    case GPT_LEVEL_AMX: .amx
    case GPT_LEVEL_AVX512: .avx512
    case GPT_LEVEL_AVX2: .avx2
    default: .portable
    }
  }

  /// The level that `GPT_KERNELS` names, and without it the best the machine has.
  package static func chosen() throws(ComputeError) -> KernelLevel {
    guard let raw = getenv("GPT_KERNELS") else { return .best }
    let name = String(cString: raw)
    guard let level = KernelLevel(rawValue: name) else { throw .unknownLevel(name) }
    return level
  }

  /// Every level that this machine runs.
  package static var available: [KernelLevel] { allCases.filter { $0.table != nil } }

  var table: UnsafePointer<gpt_kernels>? {
    switch self {
    case .portable: gpt_kernels_of(GPT_LEVEL_PORTABLE)
    case .avx2: gpt_kernels_of(GPT_LEVEL_AVX2)
    case .avx512: gpt_kernels_of(GPT_LEVEL_AVX512)
    case .amx: gpt_kernels_of(GPT_LEVEL_AMX)
    }
  }
}

/// A level that was asked for and cannot be had.
package enum ComputeError: Error, Equatable, Sendable, CustomStringConvertible {
  case unknownLevel(String)
  case unsupportedLevel(KernelLevel)

  package var description: String {
    let names = KernelLevel.available.map(\.rawValue).joined(separator: ", ")
    return switch self {
    case .unknownLevel(let name):
      "GPT_KERNELS: found \(name.debugDescription), expected one of \(names)"
    case .unsupportedLevel(let level):
      "GPT_KERNELS: this machine does not run '\(level.rawValue)', expected one of \(names)"
    }
  }
}

/// What matrix products may round to.
public enum Precision: String, Sendable, CaseIterable {
  /// bf16 products where the weights are no finer than that, 16-bit activations beside quantised
  /// weights for few rows and where bf16 is slow; fp32 otherwise.
  case automatic = "auto"
  /// fp32 activations and sums throughout.
  case fp32
  /// bf16 products wherever the machine has them.
  case bf16
  /// As automatic, and 8-bit products of many rows with quantised weights where those are faster:
  /// for training beside frozen weights, whose own error is larger.
  case int8
}

/// Where operations run: kernels, threads, precision. Shared by all work on a model.
package final class ComputeContext: @unchecked Sendable {
  package let level: KernelLevel
  package let precision: Precision
  package let pool: ThreadPool
  let kernels: UnsafePointer<gpt_kernels>

  /// Converted operands of training's products; a context trains one model at a time.
  private var operands = [AlignedBuffer?](repeating: nil, count: OperandSlot.allCases.count)
  /// See `keepFrozenPanels`.
  var frozenPanels: FrozenPanels?

  /// CPUs that this process may run on.
  package static var availableThreadCount: Int { Int(gpt_processor_count()) }

  /// - Parameter level: nil takes `KernelLevel.chosen()`
  package init(threadCount: Int, precision: Precision, level: KernelLevel? = nil)
    throws(ComputeError)
  {
    let chosen = if let level { level } else { try KernelLevel.chosen() }
    guard let table = chosen.table else { throw .unsupportedLevel(chosen) }
    self.level = chosen
    kernels = table
    self.precision = precision
    pool = ThreadPool(threadCount: threadCount)
  }

  /// Whether products of floats may be rounded to bf16.
  package var multipliesNarrow: Bool {
    precision != .fp32 && kernels.pointee.has_bf16_product != 0
  }

  /// Whether products of many rows with quantised weights are of 16-bit integers.
  var multipliesInt16: Bool {
    precision != .fp32 && !multipliesNarrow && kernels.pointee.has_int16_product != 0
  }

  /// What products with quantised weights are computed in.
  package var quantisedProducts: Precision {
    if multipliesIntegers { return .int8 }
    return multipliesNarrow ? .bf16 : .fp32
  }

  /// What products of floats are computed in.
  package var floatProducts: Precision { multipliesNarrow ? .bf16 : .fp32 }

  func operand(_ slot: OperandSlot, byteCount: Int) -> UnsafeMutableRawPointer {
    if let buffer = operands[slot.rawValue], buffer.byteCount >= byteCount { return buffer.base }
    let buffer = AlignedBuffer(byteCount: byteCount)
    operands[slot.rawValue] = buffer
    return buffer.base
  }

  /// Has the memory of buffers that are about to be written given at once, by all threads.
  package func makeResident(_ buffers: [AlignedBuffer]) {
    let pieceBytes = 512 << 10
    let pieces = buffers.flatMap { buffer in
      stride(from: 0, to: buffer.byteCount, by: pieceBytes).map { (buffer, $0) }
    }
    pool.run(pieces.count) { piece, _ in
      let (buffer, start) = pieces[piece]
      buffer.makeResident(start..<start + pieceBytes)
    }
  }

  /// Chunks of a region over `count` equal pieces: several a thread, so that a slow core takes
  /// fewer.
  func chunkCount(for count: Int) -> Int { min(count, pool.threadCount * 8) }

  /// The pieces of chunk `chunk` when `count` pieces are split into `chunks`.
  static func range(of chunk: Int, chunks: Int, count: Int) -> Range<Int> {
    (chunk * count / chunks)..<((chunk + 1) * count / chunks)
  }
}
