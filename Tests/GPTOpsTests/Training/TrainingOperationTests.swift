import GPTOps
import GPTTensor
import TestSupport
import Testing

/// What holds for every operation of training; what each computes is tested in its own suite.
@Suite struct TrainingOperationTests {
  private func inputs(_ operation: TrainingOperation) -> [Tensor] {
    var random = TestRandom(seed: 53)
    return operation.inputs.map { random.tensor(rows: $0.rows, columns: $0.columns) }
  }

  @Test(arguments: TrainingOperation.all, KernelLevel.available)
  func everyLevelEqualsThePortableOne(_ operation: TrainingOperation, _ level: KernelLevel) throws {
    let portable = try ComputeContext(threadCount: 1, precision: .fp32, level: .portable)
    let expected = operation.run(inputs(operation), portable)
    let context = try ComputeContext(threadCount: 2, precision: .fp32, level: level)
    for (found, wanted) in zip(operation.run(inputs(operation), context), expected) {
      #expect(relativeDifference(found, DoubleMatrix(wanted)) < 5e-6)
      #expect(wanted.values.contains { $0 != 0 })
    }
  }

  @Test(arguments: TrainingOperation.all, Numerics.all)
  func oneAndTwoThreadsGiveTheSameBits(
    _ operation: TrainingOperation, _ numerics: Numerics
  ) throws {
    let results = try [1, 2].map { threads in
      operation.run(inputs(operation), try numerics.context(threads: threads))
        .map { $0.values.map(\.bitPattern) }
    }
    let isEqual = results[0] == results[1]
    #expect(isEqual)
  }

  @Test(arguments: TrainingOperation.all, Numerics.all)
  func paddingStaysZero(_ operation: TrainingOperation, _ numerics: Numerics) throws {
    let outputs = operation.run(inputs(operation), try numerics.context())
    #expect(outputs.allSatisfy { $0.paddingIsZero })
    #expect(outputs.allSatisfy { $0.values.allSatisfy(\.isFinite) })
  }

  /// NaN and infinities in any input reach the same elements as on the portable level. bf16 products
  /// take denormal numbers for 0, which makes NaN of their product with an infinity: there only
  /// what is finite must be the same.
  @Test(arguments: TrainingOperation.all, [Float.nan, .infinity, -.infinity])
  func badNumbersPassAsOnThePortableLevel(_ operation: TrainingOperation, _ bad: Float) throws {
    let portable = try ComputeContext(threadCount: 1, precision: .fp32, level: .portable)
    let contexts = try Numerics.all.map { ($0, try $0.context()) }
    for (index, shape) in operation.inputs.enumerated() {
      func poisoned() -> [Tensor] {
        let tensors = inputs(operation)
        tensors[index].row(shape.rows / 2)[shape.columns / 2] = bad
        return tensors
      }
      let expected = operation.run(poisoned(), portable)
      for (numerics, context) in contexts {
        let found = operation.run(poisoned(), context)
        let isNarrow = numerics.precision == .bf16
        let count = zip(found, expected).reduce(0) {
          $0 + differingKinds($1.0, $1.1, onlyFinite: isNarrow)
        }
        #expect(count == 0, "input \(index) on \(numerics.testDescription)")
      }
    }
  }

  /// Elements of which one is finite, NaN or an infinity and the other something else.
  private func differingKinds(_ left: Tensor, _ right: Tensor, onlyFinite: Bool) -> Int {
    zip(left.values, right.values).filter { one, other in
      one.isFinite != other.isFinite
        || !onlyFinite && !one.isFinite && !(one == other || one.isNaN && other.isNaN)
    }.count
  }
}
