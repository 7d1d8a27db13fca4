package import GPTModel

/// Examples in rows, in batches.
package struct FinetuneBatches: Sendable {
  /// Rows that show every example once; for preferences, pairs of rows.
  package let rowCount: Int

  /// Batch `index` of endlessly many, from 0, in another order every epoch.
  package func batch(_ index: Int, sequenceCount: Int) -> TokenBatch {
    TokenBatch(sequenceCount: 0, length: 0, inputs: [], targets: [])
  }

  /// Batches of every example once, the same every time.
  package func fixedBatchCount(sequenceCount: Int, limit: Int? = nil) -> Int { 0 }

  /// The last one may have fewer rows than the others.
  package func fixedBatch(_ index: Int, sequenceCount: Int, limit: Int? = nil) -> TokenBatch {
    TokenBatch(sequenceCount: 0, length: 0, inputs: [], targets: [])
  }
}
