import JSON

// Answers as people read them.
extension Order {
    func instances(_ answer: JSONValue) -> String {
        table(
            answer, "instances", none: "no instances: spot-sandbox launch makes one",
            [
                ("INSTANCE", "id"), ("NAME", "name"), ("STATE", "state"), ("TYPE", "type"), ("ZONE", "zone"),
                ("ADDRESS", "address"), ("METADATA", "metadata"), ("NOTICE", "notice"),
            ])
    }

    func faults(_ answer: JSONValue) -> String {
        table(
            answer, "faults", none: "nothing goes wrong",
            [
                ("WHAT", "what"), ("KIND", "kind"), ("INSTANCE", "instance"), ("TIMES LEFT", "left"),
                ("SECONDS LEFT", "seconds_left"),
            ])
    }

    func targets(_ answer: JSONValue) -> String {
        table(
            answer, "targets", none: "no targets: spot-sandbox register INSTANCE BALANCER makes one",
            [
                ("GROUP", "group"), ("TARGET", "target"), ("ADDRESS", "address"), ("HEALTH", "health"),
                ("REASON", "reason"),
            ])
    }

    func status(_ answer: JSONValue) -> String {
        let settings = """

            To have a program ask it instead of AWS:
            AWS_ENDPOINT_URL=\(text(answer, "endpoint"))
            AWS_ACCESS_KEY_ID=\(text(answer, "access_key"))
            AWS_SECRET_ACCESS_KEY=\(text(answer, "secret_key"))
            AWS_REGION=\(text(answer, "region"))
            AWS_DEFAULT_REGION=\(text(answer, "region"))
            AWS_EC2_METADATA_SERVICE_ENDPOINT=…  the METADATA of one of spot-sandbox instances

            """
        return "This is not AWS.\n" + sheet(answer) + settings
    }

    /// Facts under each other; what is a list has a line for each.
    func sheet(_ answer: JSONValue) -> String {
        guard let object = try? answer.object() else { return "" }
        let facts = object.flatMap { key, value in
            lines(value).map { (key.split(separator: "_").joined(separator: " "), $0) }
        }
        let width = facts.map(\.0.count).max() ?? 0
        return facts.map { "\(padded($0, width))  \($1)\n" }.joined()
    }

    private func lines(_ value: JSONValue) -> [String] {
        guard let array = try? value.array() else { return [shown(value)] }
        return array.map(shown)
    }

    private func text(_ answer: JSONValue, _ key: String) -> String {
        (try? answer.object()).flatMap { $0.optional(key) }.map(shown) ?? "-"
    }

    /// A text as it is, an object as its values.
    private func shown(_ value: JSONValue) -> String {
        if let object = try? value.object() { return object.map { shown($1) }.joined(separator: "  ") }
        return (try? value.string()) ?? String(decoding: value.verbatim, as: UTF8.self)
    }

    private func table(
        _ answer: JSONValue, _ list: String, none: String, _ columns: [(heading: String, key: String)]
    ) -> String {
        guard let rows = try? answer.object().required(list).array(), !rows.isEmpty else { return none + "\n" }
        let cells = [columns.map(\.heading)] + rows.map { row in columns.map { text(row, $0.key) } }
        let widths = columns.indices.map { column in cells.map { $0[column].count }.max() ?? 0 }
        return cells.map { line in
            let text = zip(line, widths).map(padded).joined(separator: "  ")
            return String(text.reversed().drop { $0 == " " }.reversed()) + "\n"
        }.joined()
    }

    private func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
