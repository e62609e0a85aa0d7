import JSON

extension Incident {
    /// The incident as text for a person: what it is, then what happened when, where, what it took and was given, and at the end
    /// the verdict. The same wherever it is read: the coordinator answers with it, and both programs show it.
    ///
    /// `clean` takes out of a text whatever could steer a terminal; hosts choose some of the words.
    package func story(_ clean: (String) -> String) -> String {
        let facts = aligned(
            self.facts.compactMap { fact in fact.value.map { [fact.name, clean($0)] } }, numbers: [])
        let head = ["AFTER", "HOST", "TOOK", "GIVEN", "WHAT"]
        let lines = timeline.map { moment in
            [
                signed(moment.at - detectedAt), moment.instance?.text ?? "coordinator",
                moment.tookMilliseconds.map(seconds) ?? "-", moment.budgetMilliseconds.map(seconds) ?? "-",
                clean(moment.what),
            ]
        }
        let course = lines.isEmpty ? "nothing was recorded\n" : aligned([head] + lines, numbers: [0, 2, 3])
        return "\(facts)\n\(course)\nverdict: \(verdict)\n"
    }

    private var facts: [(name: String, value: String?)] {
        [
            ("incident", id.text), ("agent", slot.text), ("instance", instance.text), ("kind", kindInWords),
            ("first signal", detectedAt.description), ("deadline", after(deadline)),
            ("machine goes", after(interruptionTime)),
            ("successor", successor.map { "\($0), epoch \(epoch)" }), ("proven", after(verifiedAt)),
            ("closed", after(closedAt)),
        ]
    }

    /// How it ended, in half a sentence.
    package var verdict: String {
        let proven = verifiedAt.map {
            "the successor was proven to serve \(span($0 - detectedAt)) s after the first signal"
        }
        let ending =
            switch state {
            case .open: "open"
            case .met: "met" + (proven.map { ", \($0)" } ?? "")
            case .missed: "missed, " + (proven ?? "no successor was proven to serve")
            case .averted: "averted, nothing had to move"
            }
        return drill ? "a drill: \(ending)" : ending
    }

    /// With the word for it when it is a drill.
    package var kindInWords: String { drill ? "\(kind.rawValue) (drill)" : kind.rawValue }

    private func after(_ time: Timestamp?) -> String? {
        time.map { "\($0) (\(signed($0 - detectedAt)))" }
    }
}

/// Rows in columns as wide as what stands in them; those in `numbers` stand to the right.
private func aligned(_ rows: [[String]], numbers: Set<Int>) -> String {
    let columns = rows.first?.indices ?? 0..<0
    let widths = columns.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
        let cells = columns.map { column in
            let space = String(repeating: " ", count: widths[column] - row[column].count)
            // Nothing follows the last one.
            return numbers.contains(column) ? space + row[column] : row[column] + (column == columns.last ? "" : space)
        }
        return cells.joined(separator: "  ") + "\n"
    }.joined()
}

private func seconds(_ milliseconds: Int64) -> String {
    let fraction = String(milliseconds.magnitude % 1000)
    return "\(milliseconds.magnitude / 1000)." + String(repeating: "0", count: 3 - fraction.count) + fraction
}

/// `3.200`, to the nearest millisecond.
private func span(_ duration: Duration) -> String { seconds(Int64((duration / .milliseconds(1)).rounded())) }

private func signed(_ duration: Duration) -> String { (duration < .zero ? "-" : "+") + span(duration) }
