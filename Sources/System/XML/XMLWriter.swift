/// Writes a document element by element; what is open is closed by leaving the closure it was opened for.
package struct XMLWriter {
    private var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"

    package init() {}

    /// The document so far, in UTF-8.
    package var bytes: [UInt8] { Array(text.utf8) }

    /// An element of text. Names are static, so no value can become markup.
    package mutating func element(_ name: StaticString, _ content: String) {
        text += "<\(name)>"
        escape(content)
        text += "</\(name)>"
    }

    /// An element of elements.
    package mutating func element(
        _ name: StaticString, attributes: [(name: StaticString, value: String)] = [],
        _ content: (inout XMLWriter) throws -> Void
    ) rethrows {
        text += "<\(name)"
        for attribute in attributes {
            text += " \(attribute.name)=\""
            escape(attribute.value)
            text += "\""
        }
        text += ">"
        try content(&self)
        text += "</\(name)>"
    }

    private mutating func escape(_ value: String) {
        for character in value.unicodeScalars {
            switch character {
            case "&": text += "&amp;"
            case "<": text += "&lt;"
            case ">": text += "&gt;"
            case "\"": text += "&quot;"
            // As they are, a parser would turn them into spaces or line feeds.
            case "\t", "\n", "\r": text += "&#\(character.value);"
            // XML 1.0 has no way to write these (https://www.w3.org/TR/xml/#charsets).
            case "\0"..."\u{1F}", "\u{FFFE}", "\u{FFFF}": text += "\u{FFFD}"
            default: text.unicodeScalars.append(character)
            }
        }
    }
}
