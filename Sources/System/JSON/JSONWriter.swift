/// Writes one value as JSON without white space. What it has written is valid JSON or it has trapped: a value where none
/// is due, or none where one is, is a mistake in our own code.
///
/// Keys are written in the order given and are not compared with each other; to write one twice is the caller's mistake.
package struct JSONWriter: ~Copyable {
    private var text: [UInt8] = []
    private var isDue = true

    /// Most of what we write fits into the first allocation.
    package init() { text.reserveCapacity(512) }

    /// What was written.
    package var bytes: [UInt8] {
        precondition(!isDue, "a JSON writer must be given a value before its bytes are taken")
        return text
    }

    package mutating func null() { scalar("null") }
    package mutating func value(_ boolean: Bool) { scalar(boolean ? "true" : "false") }
    package mutating func value(_ number: JSONNumber) { scalar(number.text) }

    package mutating func value(_ integer: Int64) {
        begin()
        appendDecimal(integer, to: &text)
    }

    package mutating func value(_ string: String) {
        begin()
        appendQuoted(string, to: &text)
    }

    /// In UTC, with `Z`.
    package mutating func value(_ time: Timestamp) {
        begin()
        text.append(addingCapacity: Timestamp.quotedLength) { time.appendQuoted(to: &$0) }
    }

    /// A value that was read, exactly as it came.
    package mutating func raw(_ value: JSONValue) {
        begin()
        text.append(contentsOf: value.tape.text(at: value.index))
    }

    /// A text that is kept as JSON. It is read once more, because nothing else proves that it is; whoever holds the value
    /// passes that instead. The caller has read it under limits of its own, so here only its form counts.
    package mutating func raw(_ json: [UInt8]) {
        let limits = JSONLimits(bytes: JSONLimits.bytesMax, depth: json.count)
        precondition((try? Parser.parse(json, limits: limits)) != nil, "raw text must be valid JSON")
        begin()
        text.append(contentsOf: json)
    }

    package mutating func object(_ body: (inout JSONObjectWriter) -> Void) {
        begin()
        text.append(UInt8(ascii: "{"))
        var inner = JSONObjectWriter(consume self)
        body(&inner)
        self = inner.finish()
        text.append(UInt8(ascii: "}"))
    }

    package mutating func array(_ body: (inout JSONArrayWriter) -> Void) {
        begin()
        text.append(UInt8(ascii: "["))
        var inner = JSONArrayWriter(consume self)
        body(&inner)
        self = inner.finish()
        text.append(UInt8(ascii: "]"))
    }

    private mutating func begin() {
        precondition(isDue, "a JSON value is written where one is due, and once")
        isDue = false
    }

    private mutating func scalar(_ token: String) {
        begin()
        text.append(contentsOf: token.utf8)
    }

    fileprivate mutating func beginMember(_ key: String, isFirst: Bool) {
        appendQuotedKey(key, isFirst: isFirst, to: &text)
        isDue = true
    }

    fileprivate mutating func beginElement(isFirst: Bool) {
        if !isFirst { text.append(UInt8(ascii: ",")) }
        isDue = true
    }

    fileprivate func end() { precondition(!isDue, "a JSON value must write something") }
}

/// Writes the members of one object.
package struct JSONObjectWriter: ~Copyable {
    private var writer: JSONWriter
    private var isFirst = true

    fileprivate init(_ writer: consuming JSONWriter) { self.writer = writer }
    fileprivate consuming func finish() -> JSONWriter { writer }

    package mutating func field(_ key: String, _ value: some JSONWritable) {
        member(key) { value.write(to: &$0) }
    }

    /// Leaves the key out where there is no value.
    package mutating func optionalField(_ key: String, _ value: (some JSONWritable)?) {
        if let value { field(key, value) }
    }

    package mutating func null(_ key: String) { member(key) { $0.null() } }
    package mutating func raw(_ key: String, _ json: [UInt8]) { member(key) { $0.raw(json) } }
    package mutating func object(_ key: String, _ body: (inout JSONObjectWriter) -> Void) {
        member(key) { $0.object(body) }
    }
    package mutating func array(_ key: String, _ body: (inout JSONArrayWriter) -> Void) {
        member(key) { $0.array(body) }
    }

    private mutating func member(_ key: String, _ write: (inout JSONWriter) -> Void) {
        writer.beginMember(key, isFirst: isFirst)
        isFirst = false
        write(&writer)
        writer.end()
    }
}

/// Writes the elements of one array.
package struct JSONArrayWriter: ~Copyable {
    private var writer: JSONWriter
    private var isFirst = true

    fileprivate init(_ writer: consuming JSONWriter) { self.writer = writer }
    fileprivate consuming func finish() -> JSONWriter { writer }

    package mutating func element(_ value: some JSONWritable) {
        next { value.write(to: &$0) }
    }

    package mutating func null() { next { $0.null() } }
    package mutating func raw(_ json: [UInt8]) { next { $0.raw(json) } }
    package mutating func object(_ body: (inout JSONObjectWriter) -> Void) { next { $0.object(body) } }
    package mutating func array(_ body: (inout JSONArrayWriter) -> Void) { next { $0.array(body) } }

    private mutating func next(_ write: (inout JSONWriter) -> Void) {
        writer.beginElement(isFirst: isFirst)
        isFirst = false
        write(&writer)
        writer.end()
    }
}

func appendDecimal(_ value: Int64, to text: inout [UInt8]) {
    // A sign and 19 digits.
    text.append(addingCapacity: 20) { text in
        if value < 0 { text.append(UInt8(ascii: "-")) }
        appendDigits(value.magnitude, to: &text)
    }
}

private func appendDigits(_ value: UInt64, to text: inout OutputSpan<UInt8>) {
    if value >= 10 { appendDigits(value / 10, to: &text) }
    text.append(UInt8(ascii: "0") + UInt8(value % 10))
}
