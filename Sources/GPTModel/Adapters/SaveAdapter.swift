import GPTJSON
package import GPTTensor
import GPTWeights

/// Writes a LoRA adapter as PEFT does: adapter_config.json and adapter_model.safetensors.
///
/// The folder is made if need be. Each file appears whole or not at all, the weights last; the
/// weights of an adapter with another configuration are removed before that changes.
/// - Parameters:
///   - configuration: of the adapted model, to whose matrices the layers fit.
///   - baseName: `base_model_name_or_path`, where PEFT looks for the base.
///   - values: the tensor to save for a parameter: its value, or its running average.
///   - dtype: F32, BF16 or F16.
package func saveAdapter(
  _ adapter: Adapter, configuration: ModelConfiguration, baseName: String?,
  values: (Parameter) -> Tensor = { $0.value }, dtype: DType = .f32, to folder: String
) throws(ModelError) {
  let modules = joinedModules(of: adapter, configuration: configuration, values: values)
  let writer = AdapterConfigurationWriter(
    options: adapter.options, modules: modules,
    all: AdapterModule.all(in: configuration), baseName: baseName,
    isTransposed: FolderFamily(architecture: configuration.architecture).names.transposed)
  let text = Array((JSONValue.object(writer.object()).encoded() + "\n").utf8)
  do throws(FileError) {
    try makeFolder(path: folder)
    try replaceFiles(
      [AdapterFileConfiguration.fileName: text], removing: [], invalidating: [adapterWeightsName],
      in: folder)
  } catch { throw .file(error) }
  do throws(WeightsError) {
    try writeSafetensors(
      modules.flatMap { $0.tensors(dtype) }, metadata: FusedParts.metadata(fusedTargets(modules)),
      to: "\(folder)/\(adapterWeightsName)")
  } catch { throw .weights(error) }
}

/// The adapters of a module's parts, joined to the one that PEFT has for it.
struct JoinedModule {
  struct Part {
    let target: AdapterTarget
    /// A `[rank, in]` and B `[out, rank]`.
    let down: Tensor
    let up: Tensor
    /// What B is multiplied by, since the module has one scale only.
    let factor: Float
    /// The first output of the module that it adds to.
    let firstOutput: Int
    /// The first row of the module's A that is its own.
    let firstRank: Int
  }

  let module: AdapterModule
  let parts: [Part]
  /// All parts have the same A, which is written once.
  let sharesDown: Bool
  let scale: Float
  let rank: Int

  /// A, then B.
  func tensors(_ dtype: DType) -> [TensorToWrite] {
    let down = TensorToWrite(
      name: module.downName, dtype: dtype, shape: [rank, module.inputs]
    ) { row, target in
      let part = sharesDown ? parts.first : parts.last { $0.firstRank <= row }
      guard let part else { return }
      target.update(from: part.down.row(row - part.firstRank), count: module.inputs)
    }
    let up = TensorToWrite(
      name: module.upName, dtype: dtype, shape: [module.outputs, rank]
    ) { row, target in
      target.update(repeating: 0, count: rank)
      guard let part = parts.last(where: { $0.firstOutput <= row }),
        row - part.firstOutput < part.up.rows
      else { return }
      let source = part.up.row(row - part.firstOutput)
      for column in 0..<part.up.columns {
        target[part.firstRank + column] = source[column] * part.factor
      }
    }
    return [down, up]
  }
}

private func joinedModules(
  of adapter: Adapter, configuration: ModelConfiguration, values: (Parameter) -> Tensor
) -> [JoinedModule] {
  let byBlock = Dictionary(grouping: adapter.layers, by: \.block)
  return AdapterModule.all(in: configuration).compactMap { module in
    let layers = module.parts.map { part in
      byBlock[module.block]?.first { $0.target == part.target }
    }
    return join(layers, of: module, values: values)
  }
}

/// nil when no part of the module is adapted.
private func join(
  _ layers: [AdapterLayer?], of module: AdapterModule, values: (Parameter) -> Tensor
) -> JoinedModule? {
  let present = layers.compactMap { $0 }
  guard let first = present.first else { return nil }
  let sharesDown =
    present.count > 1 && present.count == module.parts.count
    && present.allSatisfy {
      $0.scale == first.scale && hasSameElements(values($0.down), values(first.down))
    }
  var parts: [JoinedModule.Part] = []
  var (firstOutput, firstRank) = (0, 0)
  for (part, layer) in zip(module.parts, layers) {
    defer { firstOutput += part.outputs }
    guard let layer else { continue }
    let (down, up) = (values(layer.down), values(layer.up))
    precondition(
      down.columns == module.inputs && up.rows == part.outputs && up.columns == down.rows,
      "an adapter of \(part.target) that does not fit \(module.name)")
    parts.append(
      JoinedModule.Part(
        target: part.target, down: down, up: up,
        factor: layer.scale == first.scale ? 1 : layer.scale / first.scale,
        firstOutput: firstOutput, firstRank: firstRank))
    if !sharesDown { firstRank += down.rows }
  }
  return JoinedModule(
    module: module, parts: parts, sharesDown: sharesDown, scale: first.scale,
    rank: sharesDown ? values(first.down).rows : firstRank)
}

private func hasSameElements(_ left: Tensor, _ right: Tensor) -> Bool {
  guard left.rows == right.rows, left.columns == right.columns else { return false }
  let count = left.rows * left.stride
  return (0..<count).allSatisfy { left.pointer[$0].bitPattern == right.pointer[$0].bitPattern }
}

/// What stands side by side in every fused module; empty unless it is the same in all of them.
private func fusedTargets(_ modules: [JoinedModule]) -> [AdapterTarget] {
  let fused = modules.filter { $0.module.parts.count > 1 && !$0.sharesDown }
  guard let first = fused.first?.parts.map(\.target) else { return [] }
  let isUniform = fused.allSatisfy { module in
    module.parts.map(\.target) == first
      && module.parts.allSatisfy { $0.down.rows * first.count == module.rank }
  }
  return isUniform ? first : []
}
