package import GPTTensor
import GPTTokenizer
import GPTWeights

extension SourceModel {
  /// Writes a GGUF file of version 3 that llama.cpp opens: metadata, tokenizer, tensors.
  ///
  /// A source GGUF's metadata is copied but for the fields that say how tensors are stored.
  /// - Parameters:
  ///   - type: of the matrices, see `GGUFTensorTypes`; nil: each keeps the type that it has.
  ///   - progress: told how many of how many bytes of tensors are written; false stops the writing.
  /// - Returns: false when `progress` said to stop: then nothing is left behind.
  /// - Throws: when GGUF cannot express the tokenizer, and for numbers that the type cannot hold.
  @discardableResult
  package func write(
    gguf path: String, type: DType? = nil, pool: ThreadPool = ThreadPool(threadCount: 1),
    progress: @escaping (_ written: Int, _ total: Int) -> Bool = { _, _ in true }
  ) throws(ModelError) -> Bool {
    if let type, !writableTypes.contains(type) {
      let names = writableTypes.map(\.rawValue).joined(separator: ", ")
      throw .configuration(
        location: path, key: "the type", found: type.rawValue, expected: "one of \(names)")
    }
    let model = try GGUFModelFields(configuration)
    let types = GGUFTensorTypes(type: type, tiedOutput: configuration.tiedOutput)
    let written = tensors(configuration: configuration, names: model.names) { entry in
      types.type(
        of: entry, stored: stored(entry.parameters[0]).stored.dtype,
        isCopied: !entry.parameters.contains(where: adjusts))
    }
    let tensors = rotaryTensors(model) + written
    let total = tensors.reduce(0) { $0 + $1.byteCount }
    let isQuantised = tensors.contains { $0.dtype.blockLength > 1 }
    let metadata = try metadata(model, type: type, isQuantised: isQuantised)
    do throws(WeightsError) {
      return try writeGGUF(tensors, metadata: metadata, to: path, pool: pool) {
        progress($0, total)
      }
    } catch { throw .weights(error) }
  }

  /// The divisors of rotary frequencies, where the scaling has no keys.
  private func rotaryTensors(_ model: GGUFModelFields) -> [TensorToWrite] {
    guard let divisors = model.rotaryDivisors,
      let name = model.names.name(.rotaryDivisors, prefix: "")
    else { return [] }
    return [
      TensorToWrite(name: name, dtype: .f32, shape: [divisors.count]) { _, target in
        for (index, divisor) in divisors.enumerated() { target[index] = Float(divisor) }
      }
    ]
  }

  private func metadata(
    _ model: GGUFModelFields, type: DType?, isQuantised: Bool
  ) throws(ModelError) -> [GGUFModelFields.Field] {
    let storage = ["general.file_type", "general.quantization_version", "general.alignment"]
    var fields: [GGUFModelFields.Field] = []
    switch origin {
    case .gguf(let file):
      for key in file.keys where !storage.contains(key) {
        if let value = file.rawValue(key) { fields.append((key, value)) }
      }
      if type == nil, let value = file.rawValue(storage[0]) {
        fields.append((storage[0], value))
      } else {
        fields.append((storage[0], .uint32(GGUFTensorTypes.fileType(type ?? dominantType))))
      }
    case .folder(let path):
      let vocabulary: GGUFVocabulary
      do {
        vocabulary = try GGUFVocabulary(folder: path, size: configuration.vocabularySize)
      } catch { throw .tokenizer(error) }
      fields = [
        ("general.architecture", .string(model.architecture)), ("general.type", .string("model")),
        ("general.name", .string(displayName(path))),
        (storage[0], .uint32(GGUFTensorTypes.fileType(type ?? dominantType))),
      ]
      fields += model.fields
      fields += vocabulary.fields(chatTemplate: chatTemplate, stopTokens: stopTokens)
    }
    if isQuantised { fields.append((storage[1], .uint32(ggmlQuantisationVersion))) }
    return fields
  }

  /// The last part of the name or path by which the model is known.
  private func displayName(_ path: String) -> String {
    let parts = (name ?? path).split(separator: "/").filter { $0 != "." && $0 != ".." }
    return parts.last.map(String.init) ?? configuration.architecture
  }
}

/// The version of the quantised formats' meaning.
/// - Source: PyPI `gguf` 0.19, `GGML_QUANT_VERSION`
private let ggmlQuantisationVersion: UInt32 = 2
