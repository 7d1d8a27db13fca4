public import struct FoundationEssentials.URL

/// A LoRA adapter to put on a model when it is opened, in PEFT's layout: a folder with
/// `adapter_config.json` and `adapter_model.safetensors`.
///
/// ```swift
/// var options = LanguageModel.LoadingOptions()
/// options.adapters = [AdapterReference(path: "tone"), AdapterReference(path: "sql", scale: 0.5)]
/// let model = try await LanguageModel(at: path, options: options)
/// ```
public struct AdapterReference: Sendable, Equatable {
  /// The adapter's folder.
  public var path: String
  /// Factor on what the adapter adds: 1 is the adapter as it was trained, 0 the model without it.
  public var scale: Float

  /// The adapter in the folder at `path`.
  public init(path: String, scale: Float = 1) {
    self.path = path
    self.scale = scale
  }

  /// The adapter in the folder at a file URL.
  public init(at url: URL, scale: Float = 1) {
    self.init(path: url.isFileURL ? url.path : url.absoluteString, scale: scale)
  }
}
