package import GPTTensor
import GPTTokenizer
import GPTWeights

extension SourceModel {
  /// Writes a Hugging Face folder: config.json, generation_config.json, the tokenizer's files,
  /// model.safetensors.
  ///
  /// A source folder's tokenizer files are copied unchanged, a GGUF's are made from its fields.
  /// A new folder appears whole; what one that is there already holds of another model is replaced
  /// as `saveModel` does.
  /// - Parameters:
  ///   - type: F32, F16 or BF16; nil: `folderType`.
  ///   - progress: told how many of how many bytes of tensors are written; false stops the writing.
  /// - Returns: false when `progress` said to stop: then a new folder is not there, and one that
  ///   was there may have no weights.
  /// - Throws: when the family's config.json cannot express the model, when the tokenizer has no
  ///   such files, and for numbers that the type cannot hold.
  @discardableResult
  package func write(
    folder: String, type: DType? = nil, pool: ThreadPool = ThreadPool(threadCount: 1),
    progress: @escaping (_ written: Int, _ total: Int) -> Bool = { _, _ in true }
  ) throws(ModelError) -> Bool {
    let dtype = type ?? folderType
    guard [.f32, .f16, .bf16].contains(dtype) else {
      throw .configuration(
        location: folder, key: "the type", found: dtype.rawValue,
        expected: "F32, F16 or BF16 in a folder (quantised types are for .gguf files)")
    }
    let configuration = try folderConfiguration()
    let tokenizer = try folderTokenizer()
    var writer = ConfigurationWriter(configuration)
    writer.setStoredType(dtype)
    writer.beginningOfSequence = tokenizer.beginningOfSequence
    writer.endOfSequence = tokenizer.endOfSequence ?? stopTokens.first
    writer.otherStops = stopTokens.filter { $0 != writer.endOfSequence }.withoutRepetition
    let names = FolderFamily(architecture: configuration.architecture).names
    let tensors = tensors(configuration: configuration, names: names) { _ in dtype }
    let total = tensors.reduce(0) { $0 + $1.byteCount }
    let place: NewFolder
    do throws(FileError) { place = try NewFolder(folder) } catch { throw .file(error) }
    try writer.writeFiles(tokenizer: tokenizer, to: place.path)
    do throws(WeightsError) {
      let isWhole = try writeSafetensors(
        tensors, to: place.path + "/model.safetensors", pool: pool
      ) { progress($0, total) }
      guard isWhole else { return false }
    } catch { throw .weights(error) }
    do throws(FileError) { try place.commit() } catch { throw .file(error) }
    return true
  }

  /// The type of the matrices when a folder can hold it, else F32, which holds every number of
  /// the quantised types.
  package var folderType: DType {
    let type = dominantType
    return type.blockLength == 1 ? type : .f32
  }

  /// The configuration as a Hugging Face folder would state it.
  ///
  /// GGUF knows Mistral as llama, told apart here by its window, and Llama 3's scaling of
  /// positions by the divisors that it makes.
  package func folderConfiguration() throws(ModelError) -> ModelConfiguration {
    var result = configuration
    if result.architecture == "llama", result.slidingWindow != nil {
      result.architecture = "mistral"
    }
    if case .rotary(var rotary) = result.position, case .divisors(let divisors) = rotary.scaling {
      guard let scaling = RotaryConfiguration.llama3(divisors: divisors, of: rotary) else {
        throw .configuration(
          location: "rope_freqs.weight", key: "the scaling of positions", found: "unknown",
          expected: "the divisors of Llama 3's scaling, which config.json can express")
      }
      rotary.scaling = scaling
      result.position = .rotary(rotary)
    }
    return result
  }
}

extension SourceModel {
  /// The tokenizer's files for a Hugging Face folder: those of a folder as they are, for a GGUF
  /// made from its fields.
  package func folderTokenizer() throws(ModelError) -> TokenizerCopy {
    switch origin {
    case .folder(let path): return try TokenizerCopy(folder: path)
    case .gguf(let file):
      return try asModelErrors(path: file.path, expected: "a GGUF file with a tokenizer") {
        let vocabulary = try FoundModel.vocabulary(of: file)
        let files = try vocabulary.folderFiles(chatTemplate: chatTemplate)
        return TokenizerCopy(
          files: files,
          beginningOfSequence: vocabulary.beginningOfSequence.flatMap(Int32.init(exactly:)),
          endOfSequence: vocabulary.endOfSequence.flatMap(Int32.init(exactly:)))
      }
    }
  }
}

extension [Int32] {
  /// The first of equal elements.
  fileprivate var withoutRepetition: [Int32] {
    var seen: Set<Int32> = []
    return filter { seen.insert($0).inserted }
  }
}
