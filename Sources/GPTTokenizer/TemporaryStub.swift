package func loadTokenizer(folder: String) throws(TokenizerError) -> any Tokenizer { throw .invalid(location: folder, found: "x", expected: "y") }
package func loadChatTemplate(folder: String) throws(TokenizerError) -> String? { nil }
