import GPTTensor
import GPTWeights
import Glibc

/// Reads a LoRA adapter in PEFT's layout: adapter_config.json and adapter_model.safetensors (F32,
/// F16 or BF16).
///
/// GPT-2's fused projection becomes adapters of query, key and value that share A and have their
/// rows of B each; one that ``saveAdapter(_:configuration:baseName:values:dtype:to:)`` joined is
/// taken apart again.
/// - Parameter configuration: of the model that is to be adapted.
/// - Throws: also for an adapter of another model: the first tensor that does not fit; for whatever
///   makes it more than plain LoRA, by the name of its key.
package func loadAdapter(
  from folder: String, configuration: ModelConfiguration
) throws(ModelError) -> Adapter {
  let (file, source) = try openAdapter(folder)
  let reader = AdapterReader(
    file: file, source: source, modules: AdapterModule.all(in: configuration))
  return try reader.read()
}

/// Reads several adapters, see ``loadAdapter(from:configuration:)``.
package func loadAdapters(
  _ references: [(path: String, scale: Float)], configuration: ModelConfiguration
) throws(ModelError) -> [(adapter: Adapter, scale: Float)] {
  var result: [(adapter: Adapter, scale: Float)] = []
  for (path, scale) in references {
    result.append((try loadAdapter(from: path, configuration: configuration), scale))
  }
  return result
}

/// The two files of an adapter, whatever model it is for.
func openAdapter(
  _ folder: String
) throws(ModelError) -> (file: AdapterFileConfiguration, source: SafetensorsFile) {
  try checkIsAdapter(folder)
  let file = try AdapterFileConfiguration(folder: folder)
  do throws(WeightsError) {
    return (file, try SafetensorsFile(path: "\(folder)/\(adapterWeightsName)"))
  } catch { throw .weights(error) }
}

let adapterWeightsName = "adapter_model.safetensors"

/// Whether a folder holds an adapter rather than a model.
package func isAdapterFolder(_ path: String) -> Bool {
  access("\(path)/\(AdapterFileConfiguration.fileName)", F_OK) == 0
    && access("\(path)/config.json", F_OK) != 0
}

private func checkIsAdapter(_ folder: String) throws(ModelError) {
  let expected = "a folder with \(AdapterFileConfiguration.fileName) and \(adapterWeightsName)"
  var status = stat()
  guard !folder.utf8.contains(0), stat(folder, &status) == 0 else {
    throw .notAModel(path: folder, found: "there is no adapter", expected: expected)
  }
  guard isDirectory(folder) else {
    throw .notAModel(path: folder, found: "is not a folder", expected: expected)
  }
  guard access("\(folder)/\(AdapterFileConfiguration.fileName)", F_OK) == 0 else {
    throw .notAModel(
      path: folder, found: "has no \(AdapterFileConfiguration.fileName)", expected: expected)
  }
  if access("\(folder)/\(adapterWeightsName)", F_OK) != 0,
    access("\(folder)/adapter_model.bin", F_OK) == 0
  {
    throw .notAModel(
      path: folder, found: "has adapter_model.bin but no \(adapterWeightsName)",
      expected: "weights in safetensors format (pickles are never opened)")
  }
}

/// Finds the tensors of an adapter and turns them into layers.
private struct AdapterReader {
  private typealias Pair = (down: StoredTensor, up: StoredTensor)

  let file: AdapterFileConfiguration
  let source: SafetensorsFile
  let modules: [AdapterModule]

  func read() throws(ModelError) -> Adapter {
    try checkNames()
    var layers: [AdapterLayer] = []
    for module in modules {
      guard let pair = try tensors(of: module) else { continue }
      layers += try read(pair, of: module)
    }
    guard !layers.isEmpty else {
      throw .weights(
        .invalid(
          file: source.location, item: "the file", found: "has no tensors",
          expected: "those of an adapter"))
    }
    return Adapter(options: options(of: layers), layers: layers)
  }

  private func options(of layers: [AdapterLayer]) -> AdapterOptions {
    var options = AdapterOptions()
    options.rank = file.rank
    options.alpha = file.alpha
    options.dropout = file.dropout
    options.isRankStabilised = file.isRankStabilised
    options.targets = Set(layers.map(\.target))
    return options
  }

  /// Every tensor must be of a module: one that was overlooked would change what the adapter does.
  private func checkNames() throws(ModelError) {
    let known = Set(modules.flatMap { [$0.downName, $0.upName] })
    for name in source.tensorNames where !known.contains(name) {
      let (found, expected) = explain(name)
      throw .weights(.tensor(name, file: source.location, found: found, expected: expected))
    }
  }

  private func explain(_ name: String) -> (found: String, expected: String) {
    if name.contains(".lora_embedding_") {
      return ("adapts an embedding", "adapters of the blocks' matrices alone")
    }
    if name.contains(".lora_magnitude_vector") {
      return ("belongs to DoRA", "plain LoRA, the only kind that is supported")
    }
    let ends = [AdapterModule.downSuffix, AdapterModule.upSuffix]
    guard ends.contains(where: name.hasSuffix) else {
      return ("is not a matrix of LoRA", "a name that ends in \(ends.joined(separator: " or "))")
    }
    let example = modules.first?.downName ?? ""
    return ("adapts nothing in this model", "names such as '\(example)' (another model's adapter?)")
  }

  /// nil for a module that is not adapted.
  private func tensors(of module: AdapterModule) throws(ModelError) -> Pair? {
    let adapts = file.adapts(module)
    let isThere = source.contains(module.downName) || source.contains(module.upName)
    guard isThere || adapts == true else { return nil }
    guard adapts != false else {
      let name = source.contains(module.downName) ? module.downName : module.upName
      throw .weights(
        .tensor(
          name, file: source.location, found: "is there",
          expected: "none, since \(AdapterFileConfiguration.fileName) does not select it"))
    }
    let rank = file.rank(of: module.name)
    let reason = "rank of \(AdapterFileConfiguration.fileName), size of the model's matrix"
    do throws(WeightsError) {
      return (
        try source.required(module.downName, shape: [rank, module.inputs], reason: reason),
        try source.required(module.upName, shape: [module.outputs, rank], reason: reason)
      )
    } catch { throw .weights(error) }
  }

  private func read(_ pair: Pair, of module: AdapterModule) throws(ModelError) -> [AdapterLayer] {
    let scale = try file.scale(of: module.name)
    let (down, up) = (matrix(pair.down), matrix(pair.up))
    let targets = FusedParts.targets(source.metadata, module: module)
    if let layers = split(down: down, up: up, of: module, among: targets, scale: scale) {
      return layers
    }
    var first = 0
    return module.parts.map { part in
      let rows = Tensor(rows: part.outputs, columns: up.columns)
      rows.pointer.update(from: up.row(first), count: part.outputs * up.stride)
      first += part.outputs
      // Each has an A of its own, since training may go on with them.
      return layer(module, part.target, down: copy(down), up: rows, scale: scale)
    }
  }

  /// The adapters that were joined into a block-diagonal one; nil when the tensors are not that.
  private func split(
    down: Tensor, up: Tensor, of module: AdapterModule, among targets: [AdapterTarget],
    scale: Float
  ) -> [AdapterLayer]? {
    guard !targets.isEmpty, down.rows % targets.count == 0 else { return nil }
    let rank = down.rows / targets.count
    var layers: [AdapterLayer] = []
    var firstOutput = 0
    for part in module.parts {
      let index = targets.firstIndex(of: part.target)
      let own = index.map { $0 * rank..<($0 + 1) * rank } ?? 0..<0
      let rows = Tensor(rows: part.outputs, columns: rank)
      for output in 0..<part.outputs {
        let stored = up.row(firstOutput + output)
        for column in 0..<down.rows where !own.contains(column) && stored[column] != 0 {
          return nil
        }
        if !own.isEmpty {
          rows.row(output).update(from: stored + own.lowerBound, count: rank)
        }
      }
      firstOutput += part.outputs
      guard !own.isEmpty else { continue }
      let inputs = Tensor(rows: rank, columns: down.columns)
      inputs.pointer.update(from: down.row(own.lowerBound), count: rank * down.stride)
      layers.append(layer(module, part.target, down: inputs, up: rows, scale: scale))
    }
    return layers
  }

  private func layer(
    _ module: AdapterModule, _ target: AdapterTarget, down: Tensor, up: Tensor, scale: Float
  ) -> AdapterLayer {
    AdapterLayer(block: module.block, target: target, down: down, up: up, scale: scale)
  }

  private func matrix(_ stored: StoredTensor) -> Tensor {
    let result = Tensor(rows: stored.rowCount, columns: stored.columnCount)
    stored.dequantise(rows: 0..<stored.rowCount, into: result.pointer, rowStride: result.stride)
    return result
  }

  private func copy(_ matrix: Tensor) -> Tensor {
    let result = Tensor(rows: matrix.rows, columns: matrix.columns)
    result.pointer.update(from: matrix.pointer, count: matrix.rows * matrix.stride)
    return result
  }
}
