import COpenBLAS
import Glibc

/// OpenBLAS, loaded on first use.
///
/// A process that links it starts its threads at load time, and they spin: 30 % of the processor
/// time of a short command here. Loading it later, with one thread, costs nothing to those who do
/// not need it; our pool is the only one that computes.
enum OpenBLAS {
  typealias SingleGEMM =
    @convention(c) (
      CBLAS_LAYOUT, CBLAS_TRANSPOSE, CBLAS_TRANSPOSE, blasint, blasint, blasint, Float,
      UnsafePointer<Float>?, blasint, UnsafePointer<Float>?, blasint, Float,
      UnsafeMutablePointer<Float>?, blasint
    ) -> Void

  /// `cblas_sgemm`, nil when the library is not installed.
  static let sgemm: SingleGEMM? = {
    setenv("OPENBLAS_NUM_THREADS", "1", 0)
    guard let library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL),
      let symbol = dlsym(library, "cblas_sgemm")
    else { return nil }
    return unsafeBitCast(symbol, to: SingleGEMM.self)
  }()
}
