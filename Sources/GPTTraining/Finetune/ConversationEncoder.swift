internal import GPTTokenizer

/// Encodes conversations with a chat template and finds in them what the model is to say.
///
/// The template is asked, not taken apart: an answer's content is where the rendered text changes
/// when another content is put in its place. The answer begins where the prompt ends that the model
/// would be given for it, and ends behind the control token that follows its content, if any.
struct ConversationEncoder {
  private let chat: ChatEncoder
  private let text: TextEncoder
  private let location: String
  private let beginning: [Int32]

  /// - Parameter beginning: tokens before every conversation; models' own templates write them
  init(_ template: ChatTemplate, _ text: TextEncoder, beginning: [Int32] = []) {
    self.beginning = beginning
    chat = ChatEncoder(template: template, tokenizer: text.tokenizer)
    location = template.location
    self.text = text
  }

  /// - Parameter answers: the messages to learn, in order; they are the assistant's
  func encode(
    _ messages: [ChatMessage], answers: [Int]
  ) throws(TokenizerError) -> EncodedSequence {
    let rendered = try render(messages)
    let spans = try spans(of: messages, answers: answers, in: rendered)
    var sequence = EncodedSequence()
    sequence.append(beginning, isTrained: false)
    var position = 0
    for span in spans {
      try append(rendered[position..<span.lowerBound], isTrained: false, to: &sequence)
      if span == spans[0] { sequence.answerStart = sequence.tokens.count }
      try append(rendered[span], isTrained: true, to: &sequence)
      position = span.upperBound
    }
    // A template that ends answers with nothing would teach the model never to stop.
    if answers.last == messages.count - 1, let last = sequence.tokens.last,
      !text.tokenizer.isSpecial(last), let end = text.tokenizer.endOfSequence
    {
      sequence.append([end], isTrained: true)
    } else {
      try append(rendered[position...], isTrained: false, to: &sequence)
    }
    return sequence
  }

  private func render(
    _ messages: [ChatMessage], addGenerationPrompt: Bool = false
  ) throws(TokenizerError) -> [UInt8] {
    Array(try chat.render(messages, addGenerationPrompt: addGenerationPrompt).utf8)
  }

  private func append(
    _ bytes: ArraySlice<UInt8>, isTrained: Bool, to sequence: inout EncodedSequence
  ) throws(TokenizerError) {
    guard !bytes.isEmpty else { return }
    let part = String(decoding: bytes, as: UTF8.self)
    let followsText = sequence.tokens.last.map { !text.tokenizer.isSpecial($0) } ?? false
    let ids =
      followsText
      ? try text.continuing(part) { part throws(TokenizerError) in try chat.encode(part) }
      : try chat.encode(part)
    sequence.append(ids, isTrained: isTrained)
  }

  /// Where the answers stand in the rendered text; they do not overlap.
  private func spans(
    of messages: [ChatMessage], answers: [Int], in rendered: [UInt8]
  ) throws(TokenizerError) -> [Range<Int>] {
    let mark = try unusedMark(rendered)
    var spans: [Range<Int>] = []
    for index in answers {
      let content = try contentRange(of: index, in: messages, rendered, mark)
      var begin = content.lowerBound
      // Templates may turn away conversations that end here; then the content alone is the answer.
      if index > 0,
        let prompt = try? render(Array(messages[..<index]), addGenerationPrompt: true),
        prompt.count <= content.upperBound, rendered.starts(with: prompt)
      {
        begin = prompt.count
      }
      let floor = spans.last?.upperBound ?? 0
      let end = max(floor, endOfTurn(rendered, from: content.upperBound))
      spans.append(min(max(begin, floor), end)..<end)
    }
    return spans
  }

  private func contentRange(
    of index: Int, in messages: [ChatMessage], _ rendered: [UInt8], _ mark: [UInt8]
  ) throws(TokenizerError) -> Range<Int> {
    var changed = messages
    changed[index].content = String(decoding: mark, as: UTF8.self)
    let other = try render(changed)
    guard let place = other.firstRange(of: mark) else {
      throw failure("message \(index + 1) of the assistant is not written")
    }
    let (before, after) = (other[..<place.lowerBound], other[place.upperBound...])
    guard before.count + after.count <= rendered.count, rendered.starts(with: before),
      rendered.suffix(after.count).elementsEqual(after)
    else {
      throw failure("what message \(index + 1) says changes more than its own place")
    }
    return before.count..<(rendered.count - after.count)
  }

  /// Behind the control token that follows, white space aside; the token that begins a sequence
  /// ends none.
  private func endOfTurn(_ rendered: [UInt8], from start: Int) -> Int {
    var position = start
    while position < rendered.count, [0x20, 0x09, 0x0a, 0x0d].contains(rendered[position]) {
      position += 1
    }
    guard let end = chat.guardedText.controlTextEnd(in: rendered, from: position) else {
      return start
    }
    let tokenizer = text.tokenizer
    let found = String(decoding: rendered[position..<end], as: UTF8.self)
    let beginning = tokenizer.beginningOfSequence.flatMap { tokenizer.piece(of: $0) }
    let isBeginning =
      found == beginning && tokenizer.beginningOfSequence != tokenizer.endOfSequence
    return isBeginning ? start : end
  }

  /// A noncharacter that the text does not have (Unicode 16, section 23.7: U+FDD1 to U+FDEF;
  /// U+FDD0 is the mark of the guard).
  private func unusedMark(_ rendered: [UInt8]) throws(TokenizerError) -> [UInt8] {
    for last in 0x91...0xaf as ClosedRange<UInt8> {
      let mark = [0xef, 0xb7, last]
      if rendered.firstRange(of: mark) == nil { return mark }
    }
    throw failure("a conversation with all noncharacters of U+FDD1 to U+FDEF")
  }

  private func failure(_ reason: String) -> TokenizerError {
    .invalid(
      location: location, found: reason, expected: "a template that writes every message once")
  }
}
