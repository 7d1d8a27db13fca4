/// One line of a chart.
struct ChartLine {
  /// What a class of the style sheet draws: `raw`, `main` or `second`.
  var style: String
  var points: [CurvePoint]
  /// Draws the points themselves too, with their values as tooltips.
  var showsPoints = false
}

/// A chart of values over steps, drawn as SVG.
struct Chart {
  var label: String
  var lines: [ChartLine]
  var width = 304.0
  var height = 190.0
  /// The vertical axis starts at zero rather than below the lowest value.
  var startsAtZero = false

  /// Of more points than this nothing could be seen at the width of a page.
  static let pointLimit = 1000
  /// Points closer than this many to one another would cover the line.
  static let markLimit = 60

  /// The element, or nil when there is nothing to draw.
  var svg: String? {
    let points = lines.flatMap(\.points)
    guard let low = points.map(\.value).min(), let first = points.map(\.step).min(),
      let last = points.map(\.step).max()
    else { return nil }
    let frame = Frame(
      horizontal: Axis(
        Double(first)...Double(last), tickCount: Int(width) / 76, endsAtTicks: false, isWhole: true),
      vertical: Axis(
        verticalRange(low: low, points), tickCount: Int(height) / 45, endsAtTicks: true),
      width: width, height: height)
    return """
      <svg viewBox="0 0 \(Int(width)) \(Int(height))" role="img" aria-label="\(label.markup)">
      \(frame.grid)\(lines.map { drawn($0, in: frame) }.joined())</svg>
      """
  }

  /// What the vertical axis has to show. A few values far above all others, such as the norm of the
  /// first gradients, would press the curve flat; they are drawn at the upper edge.
  private func verticalRange(low: Double, _ points: [CurvePoint]) -> ClosedRange<Double> {
    let ordered = points.map(\.value).sorted()
    let high = ordered[ordered.count - 1]
    let usual = ordered[(ordered.count - 1) * 99 / 100]
    let upper = ordered.count >= 100 && usual > 0 && high > 3 * usual ? 1.2 * usual : high
    let lower = startsAtZero ? min(0, low) : low
    return lower...max(lower, upper)
  }

  private func drawn(_ line: ChartLine, in frame: Frame) -> String {
    let points = decimated(line.points, limit: Chart.pointLimit)
    var text = ""
    if points.count > 1 {
      let path = points.map { frame.place($0) }.joined(separator: "L")
      text += "<path class=\"\(line.style)\" d=\"M\(path)\"/>\n"
    }
    if points.count == 1 || line.showsPoints && points.count <= Chart.markLimit {
      for point in points { text += mark(point, line.style, in: frame) }
    }
    return text
  }

  private func mark(_ point: CurvePoint, _ style: String, in frame: Frame) -> String {
    let (x, y) = frame.coordinates(point)
    let title = "step \(point.step): \(significantText(point.value))"
    return """
      <circle class="\(style)" cx="\(x)" cy="\(y)" r="3"><title>\(title)</title></circle>

      """
  }
}

/// The rectangle inside a chart where curves are, with room for the labels around it.
private struct Frame {
  let horizontal: Axis
  let vertical: Axis
  let width: Double
  let height: Double

  private var left: Double { 48 }
  private var right: Double { width - 10 }
  private var top: Double { 10 }
  private var bottom: Double { height - 28 }

  func coordinates(_ point: CurvePoint) -> (x: String, y: String) {
    (text(x(Double(point.step))), text(y(point.value)))
  }

  func place(_ point: CurvePoint) -> String {
    let (x, y) = coordinates(point)
    return "\(x) \(y)"
  }

  private func x(_ step: Double) -> Double { left + (right - left) * horizontal.share(of: step) }
  private func y(_ value: Double) -> Double { bottom - (bottom - top) * vertical.share(of: value) }

  /// Tenths of a pixel are finer than a screen shows.
  private func text(_ coordinate: Double) -> String {
    decimalText(digits: Int((coordinate * 10).rounded()), exponent: -1, style: .plain)
  }

  /// Lines and labels of the ticks.
  var grid: String {
    var result = label("step", style: "value", x: left - 8, y: bottom + 20)
    for tick in vertical.ticks {
      let y = y(tick.value)
      result += """
        <path class="\(tick.value == vertical.lower ? "base" : "grid")" \
        d="M\(text(left)) \(text(y))H\(text(right))"/>

        """
      result += label(tick.label, style: "value", x: left - 8, y: y + 4)
    }
    for tick in horizontal.ticks {
      let x = x(tick.value)
      // A label in the middle of the right edge would be cut off.
      let isAtEdge = right - x < 12
      result += "<path class=\"base\" d=\"M\(text(x)) \(text(bottom))v4\"/>\n"
      result += label(
        tick.label, style: isAtEdge ? "value" : "step", x: isAtEdge ? width : x, y: bottom + 20)
    }
    return result
  }

  private func label(_ label: String, style: String, x: Double, y: Double) -> String {
    "<text class=\"\(style)\" x=\"\(text(x))\" y=\"\(text(y))\">\(label)</text>\n"
  }
}
