/// One measurement on a curve.
package struct CurvePoint: Equatable {
  package var step: Int
  package var value: Double

  package init(step: Int, value: Double) {
    self.step = step
    self.value = value
  }
}

/// The measurements of one quantity that can be drawn: those that are numbers and not absurd.
package func curvePoints(
  _ records: [MetricsRecord], _ quantity: (MetricsRecord) -> Double?
) -> [CurvePoint] {
  records.compactMap { record in
    guard let value = quantity(record), value.magnitude <= Axis.largestMagnitude else { return nil }
    return CurvePoint(step: record.step, value: value)
  }
}

/// The records that count, by ascending step: a run that was rolled back or resumed measures steps
/// again, and what it measured last replaces what came before.
package func latestRecords(_ records: [MetricsRecord]) -> [MetricsRecord] {
  var latest: [MetricsRecord] = []
  for record in records {
    while let last = latest.last, last.step >= record.step { latest.removeLast() }
    latest.append(record)
  }
  return latest
}

/// At most `limit` points, two or more: of each of `limit / 2` stretches the lowest and the highest,
/// so that no spike is lost.
package func decimated(_ points: [CurvePoint], limit: Int) -> [CurvePoint] {
  guard points.count > limit else { return points }
  let stretchCount = max(1, limit / 2)
  return (0..<stretchCount).flatMap { index -> [CurvePoint] in
    let start = points.count * index / stretchCount
    let end = points.count * (index + 1) / stretchCount
    let indices = start..<end
    guard let lowest = indices.min(by: { points[$0].value < points[$1].value }),
      let highest = indices.max(by: { points[$0].value < points[$1].value }), lowest != highest
    else { return Array(points[indices.prefix(1)]) }
    return [points[min(lowest, highest)], points[max(lowest, highest)]]
  }
}

/// The mean of the `radius` points on either side of each point and of itself. Where fewer precede
/// it, as few follow are taken, so that a steep beginning is not flattened; at the end the
/// preceding ones alone count.
package func smoothed(_ points: [CurvePoint], radius: Int) -> [CurvePoint] {
  points.indices.map { index in
    let reach = max(0, min(radius, index))
    let around = points[(index - reach)...min(index + reach, points.count - 1)]
    let mean = around.reduce(0) { $0 + $1.value } / Double(around.count)
    return CurvePoint(step: points[index].step, value: mean)
  }
}
