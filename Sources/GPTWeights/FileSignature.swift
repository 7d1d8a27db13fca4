/// What a file that is not what its name says turned out to be.
struct FileSignature {
  let found: String
  var hint: String?

  /// Recognises files that people put in a model's place by accident.
  ///
  /// Callers ask only after their own format's checks failed: the first eight bytes of a
  /// safetensors file are a number that may look like anything.
  init?(of bytes: UnsafeRawBufferPointer) {
    func begins(_ text: String) -> Bool { bytes.starts(with: text.utf8) }
    func begins(_ head: [UInt8]) -> Bool { bytes.starts(with: head) }
    switch true {
    case begins("version https://git-lfs"):
      self.init(found: "a Git LFS pointer", hint: "fetch the real file with 'git lfs pull'")
    case begins("GGUF"): self.init(found: "a GGUF file")
    case begins("FUGG"): self.init(found: "a byte-swapped GGUF file")
    case begins("lmgg"), begins("tjgg"), begins("fmgg"):
      self.init(found: "a GGML file older than GGUF", hint: "convert it to GGUF version 3")
    case begins([0x50, 0x4b, 0x03, 0x04]):
      self.init(found: "a zip archive, as PyTorch saves", hint: "convert it to safetensors")
    case begins([0x1f, 0x8b]): self.init(found: "a gzip archive", hint: "unpack it first")
    case begins([0x80, 0x02]), begins([0x80, 0x03]), begins([0x80, 0x04]), begins([0x80, 0x05]):
      self.init(found: "a Python pickle", hint: "convert it to safetensors")
    case begins("<!DOCTYPE"), begins("<!doctype"), begins("<html"), begins("<HTML"):
      self.init(found: "a web page", hint: "the download failed; fetch the file again")
    case bytes.prefix(512).allSatisfy({ $0 == 0 }): self.init(found: "zero bytes")
    default: return nil
    }
  }

  private init(found: String, hint: String? = nil) {
    self.found = found
    self.hint = hint
  }
}
