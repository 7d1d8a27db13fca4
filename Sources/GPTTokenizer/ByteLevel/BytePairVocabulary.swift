/// A byte-level BPE vocabulary as its file gives it, before anything is checked.
struct BytePairVocabulary {
  enum Kind: Sendable {
    case normal
    /// Left out of decoded text, recognised in text only when asked.
    case control
    /// Recognised in any text.
    case userDefined
  }

  struct Entry {
    var text: String
    var kind = Kind.normal
  }

  /// A token above this id would ask for a table out of proportion to its file.
  static let idLimit = SentencePieceModelFile.Limits.pieces

  /// Entries by id; nil where the file has none.
  private(set) var entries: [Entry?] = []
  private(set) var addedTokens: [AddedToken] = []
  var merges: [(left: Substring, right: Substring)] = []
  var preTokenizer = PreTokenizer.gpt2
  var preTokenizerName = "gpt-2"
  /// Put a space before a text that does not begin with one.
  var addsPrefixSpace = false
  /// Take a word that is a token as it is, without merging (Llama 3).
  var ignoresMerges = false
  var composesText = false
  var unknown: Int32?
  var beginning: Int32?
  var end: Int32?
  /// Ids put before and after a text on request.
  var prefix: [Int32] = []
  var suffix: [Int32] = []
  let location: String
  var mergesLocation: String

  init(location: String) {
    self.location = location
    mergesLocation = location
  }

  func failure(_ found: String, _ expected: String) -> TokenizerError {
    .invalid(location: location, found: found, expected: expected)
  }

  /// Enters a token; an id that is taken may only be given to the same text again.
  mutating func insert(
    id: Int, text: String, kind: Kind = .normal, replaces: Bool = false
  ) throws(TokenizerError) {
    guard id >= 0, id < Self.idLimit else {
      throw failure("id \(id) of \(quotedForMessage(text))", "0 to \(Self.idLimit - 1)")
    }
    if id >= entries.count {
      entries.append(contentsOf: repeatElement(nil, count: id + 1 - entries.count))
    }
    if let taken = entries[id], !replaces || TokenText(taken.text) != TokenText(text) {
      throw failure(
        "id \(id) for \(quotedForMessage(taken.text)) and \(quotedForMessage(text))",
        "different ids")
    }
    entries[id] = Entry(text: text, kind: kind)
  }

  mutating func recognise(_ token: AddedToken) { addedTokens.append(token) }

  /// The id of `text`; linear, for the few names of a configuration.
  func id(of text: String) -> Int32? {
    let key = TokenText(text)
    return entries.firstIndex { $0.map { TokenText($0.text) == key } ?? false }.map(Int32.init)
  }

  /// Fewer than this many ids may be unused for every used one.
  func checkDensity() throws(TokenizerError) {
    let count = entries.lazy.filter { $0 != nil }.count
    guard count > 0 else { throw failure("no tokens", "a vocabulary") }
    guard entries.count <= 16 * count + 4096 else {
      throw failure("\(count) tokens with ids up to \(entries.count - 1)", "ids without wide gaps")
    }
  }
}
