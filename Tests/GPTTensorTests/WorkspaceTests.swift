import GPTTensor
import Testing

@Suite struct WorkspaceTests {
  @Test func givenMemoryHoldsTensorsOneBehindTheOther() {
    let memory = AlignedBuffer(byteCount: 4 * 16 * 10)
    let workspace = Workspace(in: memory)
    let base = memory.pointer(Float.self)
    for (rows, columns) in [(2, 16), (1, 16), (4, 1)] {
      let mark = workspace.mark()
      let first = workspace.tensor(rows: rows, columns: columns)
      let second = workspace.tensor(rows: 3, columns: 16)
      #expect(first.pointer == base)
      #expect(second.pointer == base + 16 * rows)
      workspace.release(to: mark)
    }
    #expect(workspace.byteCount == 0)
  }

  @Test func whatDoesNotFitHasMemoryOfItsOwn() {
    let memory = AlignedBuffer(byteCount: 4 * 16 * 3)
    let workspace = Workspace(in: memory)
    let first = workspace.tensor(rows: 2, columns: 16)
    let large = workspace.tensor(rows: 5, columns: 16)
    let last = workspace.tensor(rows: 1, columns: 16)
    #expect(first.pointer == memory.pointer(Float.self))
    #expect(last.pointer == memory.pointer(Float.self) + 32)
    #expect(workspace.byteCount == 4 * 16 * 5)
    large.clear()
    workspace.release(to: 1)
    #expect(workspace.tensor(rows: 5, columns: 16) === large)
  }

  @Test func paddingIsZeroWhateverTheMemoryHeld() {
    let memory = AlignedBuffer(byteCount: 4 * 16 * 4)
    memory.pointer(Float.self).update(repeating: .nan, count: 64)
    let workspace = Workspace(in: memory)
    for columns in [3, 15] {
      let tensor = workspace.tensor(rows: 4, columns: columns)
      for row in 0..<4 {
        #expect((columns..<16).allSatisfy { tensor.row(row)[$0] == 0 })
      }
      memory.pointer(Float.self).update(repeating: .nan, count: 64)
      workspace.release(to: 0)
    }
  }
}

@Suite struct TapePlaceTests {
  /// What a gradient is taken from goes back in any order; the memory is used again from its start.
  @Test func gradientsUseTheirPlaceAgain() {
    let memory = AlignedBuffer(byteCount: 4 * 16 * 6)
    let tape = Tape()
    tape.place(in: Workspace(in: memory))
    let activations = (0..<3).map { _ in Tensor(rows: 2, columns: 16) }
    let base = memory.pointer(Float.self)
    for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0]] {
      let gradients = activations.map { tape.newGradient(of: $0) }
      #expect(gradients.map(\.pointer) == [base, base + 32, base + 64])
      for index in order { tape.recycle(tape.take(activations[index])) }
    }
  }
}
