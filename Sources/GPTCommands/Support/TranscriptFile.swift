internal import GPT
internal import GPTJSON
internal import GPTTensor

/// Conversations as files: a JSON array of `{"role": …, "content": …}`, as chat APIs take it.
enum TranscriptFile {
  static func read(_ path: String) throws(CommandError) -> Transcript {
    let text = try Files.text(Files.readAll(path: path), location: path)
    let value: JSONValue
    do {
      value = try JSONParser.parse(text)
    } catch {
      throw .invalid(location: path, found: error.description, expected: "JSON")
    }
    guard let entries = value.array else {
      throw .invalid(location: path, found: value.kind, expected: "an array of messages")
    }
    var transcript = Transcript()
    for (index, entry) in entries.enumerated() {
      guard let role = entry["role"]?.string.flatMap(Transcript.Role.init),
        let content = entry["content"]?.string
      else {
        throw .invalid(
          location: "\(path): message \(index)", found: entry.kind,
          expected: "role (system, user, assistant) and content")
      }
      transcript.entries.append(Transcript.Entry(role: role, content: content))
    }
    return transcript
  }

  static func write(_ transcript: Transcript, to path: String) throws(CommandError) {
    let entries = transcript.entries.map { entry in
      JSONValue(members: [
        ("role", .string(entry.role.rawValue)), ("content", .string(entry.content)),
      ])
    }
    do {
      try ReplacedFile.write(Array((JSONValue.array(entries).encoded() + "\n").utf8), to: path)
    } catch { throw .file(error) }
  }
}
