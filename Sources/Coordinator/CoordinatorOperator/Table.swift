import Platform

/// One column of a table: its heading and what stands in it.
struct Column<Row> {
    let heading: String
    /// Numbers stand to the right.
    let isNumber: Bool
    /// A longer text is cut here; nil for names that somebody will want to copy.
    let widest: Int?
    let text: (Row) -> String?

    init(_ heading: String, widest: Int? = nil, isNumber: Bool = false, _ text: @escaping (Row) -> String?) {
        (self.heading, self.widest, self.isNumber, self.text) = (heading, widest, isNumber, text)
    }

    fileprivate func cell(_ row: Row) -> String {
        let whole = printable(text(row) ?? "-")
        guard let widest, whole.count > widest else { return whole }
        // By whole characters, so that no letter loses its accent.
        return whole.prefix(widest - 1) + "…"
    }
}

/// Rows under headings, as wide as what stands in them; `none` where there is no row.
func table<Row>(_ rows: [Row], _ columns: [Column<Row>], none: String) -> String {
    guard !rows.isEmpty else { return none + "\n" }
    let cells = [columns.map(\.heading)] + rows.map { row in columns.map { $0.cell(row) } }
    let widths = columns.indices.map { index in cells.map { $0[index].count }.max() ?? 0 }
    return cells.map { line in
        let padded = columns.indices.map { index in
            let space = String(repeating: " ", count: widths[index] - line[index].count)
            return columns[index].isNumber ? space + line[index] : line[index] + space
        }
        let text = padded.joined(separator: "  ")
        return String(text.reversed().drop { $0 == " " }.reversed()) + "\n"
    }.joined()
}

/// Facts under each other: name, value. Those without a value are left out.
func sheet(_ facts: [(name: String, value: String?)]) -> String {
    let known = facts.compactMap { fact in fact.value.map { (fact.name, printable($0)) } }
    let width = known.map(\.0.count).max() ?? 0
    return known.map { name, value in
        "\(name)\(String(repeating: " ", count: width - name.count + 2))\(value)\n"
    }.joined()
}

/// A part of a longer answer, under its heading.
func section(_ heading: String, _ text: String) -> String { "\n\(heading)\n\(text)" }
