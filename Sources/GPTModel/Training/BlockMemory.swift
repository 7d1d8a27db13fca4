import GPTOps
import GPTTensor

/// The memory of a model's blocks in a training step: first for what a block's forward keeps, then
/// for gradients.
///
/// Backward goes from the last block to the first. When it reaches a block, nothing reads any more
/// what the block after it kept, and nothing has written the block's gradients yet: so these lie
/// where the other's activations lay. That saves the smaller of the two, for all blocks but one. It
/// asks for steps of one batch: gradients that are summed over several have to outlive the next
/// forward pass.
final class BlockMemory {
  /// Of each block that learns.
  private let parameters: [[Parameter]]
  private let firstBlock: Int
  private let context: ComputeContext
  /// Of each block, what it keeps.
  private var workspaces: [Workspace]
  private let sharesGradients: Bool
  private var isPlaced = false
  /// What the last block's gradients share with other things; nil: they have their own memory.
  private var lastPlace: AlignedBuffer?

  /// - Parameters:
  ///   - parameters: those of each block from `firstBlock` on
  ///   - firstBlock: backward ends with this one
  init(
    _ parameters: [[Parameter]], firstBlock: Int, sharesGradients: Bool, context: ComputeContext
  ) {
    self.parameters = parameters
    self.firstBlock = firstBlock
    self.context = context
    self.sharesGradients = sharesGradients
    workspaces = parameters.map { _ in Workspace() }
    if !sharesGradients { prepareGradients(parameters.joined()) }
  }

  /// Parameters whose gradients may lie in memory that is used until backward begins.
  var lastBlock: [Parameter] { sharesGradients ? parameters.last ?? [] : [] }

  /// Before the first forward pass.
  ///
  /// - Parameter place: memory for the gradients of `lastBlock`; nil: as it is, or their own
  func prepareLastBlock(in place: AlignedBuffer?) {
    guard let place else { return prepareGradients(lastBlock) }
    guard place !== lastPlace else { return }
    lastPlace = place
    BlockMemory.place(lastBlock, in: place)
  }

  /// Nothing but backward uses the memory from now on.
  func beginBackward() { if lastPlace != nil { zeroGradients(lastBlock, in: context) } }

  private func prepareGradients(_ parameters: some Sequence<Parameter>) {
    for parameter in parameters { parameter.prepareGradient() }
  }

  /// Where a block keeps its activations.
  func workspace(ofBlock block: Int) -> Workspace {
    let index = block - firstBlock
    // All blocks keep as much as the first one, which is known now.
    if index == 1, sharesGradients, !isPlaced { placeGradients() }
    return workspaces[index]
  }

  /// The memory of a block is used for other things now: its backward is over.
  func release(block: Int) {
    let index = block - firstBlock
    workspaces[index].release(to: 0)
    if index > 0, sharesGradients { zeroGradients(parameters[index - 1], in: context) }
  }

  /// Parameters whose gradients `release` clears.
  func clears(_ parameter: Parameter) -> Bool {
    guard sharesGradients, parameter.gradient != nil else { return sharesGradients }
    let cleared = lastPlace == nil ? parameters.dropLast() : parameters[...]
    return cleared.joined().contains { $0 === parameter }
  }

  private func placeGradients() {
    isPlaced = true
    for index in 1..<workspaces.count {
      let gradients = parameters[index - 1]
      let size = gradients.reduce(0) { $0 + $1.value.flatCount * 4 }
      let memory = AlignedBuffer(byteCount: max(size, workspaces[0].byteCount))
      BlockMemory.place(gradients, in: memory)
      workspaces[index] = Workspace(in: memory)
    }
  }

  private static func place(_ gradients: [Parameter], in memory: AlignedBuffer) {
    var offset = 0
    for parameter in gradients {
      let bytes = parameter.value.flatCount * 4
      parameter.placeGradient(in: AlignedBuffer(of: memory, at: offset, byteCount: bytes))
      offset += bytes
    }
  }
}
