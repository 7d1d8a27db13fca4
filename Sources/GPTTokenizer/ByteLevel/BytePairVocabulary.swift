internal import GPTTensor

/// A byte-level BPE vocabulary as its file gives it, before anything is checked.
struct BytePairVocabulary {
  enum Kind: Sendable {
    case normal
    /// Left out of decoded text, recognised in text only when asked.
    case control
    /// Recognised in any text.
    case userDefined
  }

  /// A token above this id would ask for a table out of proportion to its file.
  static let idLimit = SentencePieceModelFile.Limits.pieces

  /// Texts in the order in which they were entered.
  private(set) var texts = ByteStrings()
  /// Of each id: where its text stands in `texts`; −1 where the file has none.
  private(set) var places: [Int32] = []
  /// By id.
  private(set) var kinds: [Kind] = []
  private(set) var addedTokens: [AddedToken] = []
  var merges = MergeList()
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

  /// Ids up to the largest.
  var idCount: Int { places.count }

  /// The text of `id`, nil when the file has none.
  func text(of id: Int) -> ArraySlice<UInt8>? {
    places.indices.contains(id) && places[id] >= 0 ? texts[Int(places[id])] : nil
  }

  /// Enters a token; an id that is taken may only be given to the same text again.
  mutating func insert(
    id: Int, text: String, kind: Kind = .normal, replaces: Bool = false
  ) throws(TokenizerError) {
    guard id >= 0, id < Self.idLimit else {
      throw failure("id \(id) of \(quotedForMessage(text))", "0 to \(Self.idLimit - 1)")
    }
    if id >= places.count {
      let missing = id + 1 - places.count
      places.append(contentsOf: repeatElement(-1, count: missing))
      kinds.append(contentsOf: repeatElement(.normal, count: missing))
    }
    if let taken = self.text(of: id) {
      guard replaces, taken.elementsEqual(text.utf8) else {
        throw failure(
          "id \(id) for \(quotedForMessage(Array(taken))) and \(quotedForMessage(text))",
          "different ids")
      }
    } else {
      places[id] = Int32(texts.count)
      texts.append(Array(text.utf8))
    }
    kinds[id] = kind
  }

  /// Enters the tokens 0, 1, 2, … of a vocabulary that has none yet.
  mutating func insertAll(_ texts: ByteStrings, kinds: [Kind]) {
    self.texts = texts
    self.kinds = kinds
    places = Array(0..<Int32(texts.count))
  }

  mutating func recognise(_ token: AddedToken) { addedTokens.append(token) }

  /// The id of `text`; linear, for the few names of a configuration.
  func id(of text: String) -> Int32? {
    places.firstIndex { $0 >= 0 && texts[Int($0)].elementsEqual(text.utf8) }.map(Int32.init)
  }

  /// Fewer than this many ids may be unused for every used one.
  func checkDensity() throws(TokenizerError) {
    let count = places.lazy.filter { $0 >= 0 }.count
    guard count > 0 else { throw failure("no tokens", "a vocabulary") }
    guard idCount <= 16 * count + 4096 else {
      throw failure("\(count) tokens with ids up to \(idCount - 1)", "ids without wide gaps")
    }
  }
}
