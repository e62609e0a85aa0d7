import CoordinatorCore
import CoordinatorStore
package import Wire

/// A line of the log with its place in it.
package struct PlacedLine: Sendable {
    package let place: Int64
    package let line: LogLine

    init(_ place: Int64, _ line: LogLine) {
        self.place = place
        self.line = line
    }

    init(_ event: Event, at place: Int64, in log: Int64) {
        var line = LogLine(
            cursor: EventCursor(after: place, in: log), at: event.at, kind: event.kind.rawValue,
            severity: event.severity, message: event.sentence)
        line.client = event.client
        line.slot = event.slot
        line.instance = event.instance
        line.incident = event.incident
        line.command = event.command
        line.drill = event.isDrill
        self.init(place, line)
    }

    /// What the live stream makes of it.
    package var event: StreamEvent {
        let (name, status) = EventKind(rawValue: line.kind)?.streamed ?? (line.kind.uppercased(), nil)
        return StreamEvent(line, named: name, status: status)
    }
}

/// The newest lines of the log in memory, so that whoever follows it as it grows costs the disk nothing.
struct Tail {
    let log: Int64
    private let linesMax: Int
    private var lines: [PlacedLine]
    /// Every line after it is here.
    private var start: Int64
    private(set) var end: Int64

    /// With what a store has of it at the start.
    init(of reader: borrowing StoreReader, keeping linesMax: Int) throws(StoreError) {
        self.linesMax = linesMax
        let limit = min(linesMax, Limits.overviewMax)
        let found = try reader.tail(limit: limit)
        (log, end) = (found.log, found.end)
        var lines: [PlacedLine] = []
        for line in found.lines {
            lines.append(PlacedLine(try line.cursor.sequence(in: log, endingAt: end), line))
        }
        // Of a log that is shorter all that is kept was read.
        start = lines.count < limit ? 0 : (lines.first.map { $0.place - 1 } ?? 0)
        self.lines = lines
    }

    mutating func append(_ new: [PlacedLine]) {
        guard let last = new.last else { return }
        lines += new
        end = last.place
        // Not one by one: the rest would be moved each time.
        guard lines.count > 2 * linesMax else { return }
        lines.removeFirst(lines.count - linesMax)
        start = lines.first.map { $0.place - 1 } ?? end
    }

    /// At most `limit` lines after that place, oldest first; nil where it does not go back so far.
    func lines(after place: Int64, limit: Int) -> ArraySlice<PlacedLine>? {
        guard place >= start else { return nil }
        var places = lines.startIndex..<lines.endIndex
        while !places.isEmpty {
            let middle = places.lowerBound + places.count / 2
            places =
                lines[middle].place <= place ? middle + 1..<places.upperBound : places.lowerBound..<middle
        }
        return lines[places.lowerBound...].prefix(limit)
    }
}
