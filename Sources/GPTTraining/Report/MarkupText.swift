extension String {
  /// This text as the content or a quoted attribute of an HTML element: characters that could end
  /// either are escaped, control characters that HTML forbids are replaced.
  ///
  /// - Source: HTML Living Standard, sections 13.1.2.6 (content) and 13.1.2.3 (attributes)
  package var markup: String {
    var result = ""
    for scalar in unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      case "\n", "\t": result.unicodeScalars.append(scalar)
      case _ where scalar.properties.generalCategory == .control: result += "\u{fffd}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
