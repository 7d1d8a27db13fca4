import Foundation
import GPTModel
import TestSupport
import Testing

/// Keys of rank_pattern, tried on the file of an adapter; what PEFT's own expression matches.
@Suite struct ModulePatternTests {
  /// What alpha 40 in place of 8 does: the modules of "llama-part" that the key matches.
  @Test(arguments: [
    ("q_proj", [AdapterTarget.query]), ("self_attn.q_proj", [.query]), ("proj", []),
    ("model.layers.1.self_attn.v_proj", [.value]), ("layers.0.self_attn.v_proj", []),
    (#"model\\.layers\\.1\\.self_attn\\.v_proj"#, [.value]), ("^q_proj", []),
    (#"^model\\..*proj"#, [.query, .value]), (".*proj$", [.query, .value]),
    ("layers.*.self_attn..*_proj", [.query, .value]), ("._proj", [.query, .value]),
    (".*a.*b.*", []), ("", []), (".*", [.query, .value]),
  ])
  func aKeyMatchesAsInPEFT(key: String, expected: [AdapterTarget]) throws {
    let configuration = try GoldenModel.folder("llama").open().configuration
    try withAdapterCopy(of: "llama-part") { folder in
      try edit(folder + "/adapter_config.json") {
        $0.replacingOccurrences(
          of: #""alpha_pattern": {}"#, with: #""alpha_pattern": {"\#(key)": 40}"#)
      }
      let adapter = try loadAdapter(from: folder, configuration: configuration)
      let changed = adapter.layers.filter { abs($0.scale - 40 / Float(5).squareRoot()) < 1e-5 }
      #expect(changed.map(\.target) == expected)
      #expect(adapter.layers.count == 2)
    }
  }
}

/// Replaces a text file by what `change` makes of it.
func edit(_ path: String, _ change: (String) -> String) throws {
  let text = try String(contentsOfFile: path, encoding: .utf8)
  let edited = change(text)
  #expect(edited != text, "the edit found nothing")
  try edited.write(toFile: path, atomically: false, encoding: .utf8)
}
