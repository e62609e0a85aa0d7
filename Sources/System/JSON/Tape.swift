/// What a value is.
package enum JSONKind: UInt8, Hashable, Sendable, CaseIterable {
    case null, boolean, number, string, array, object
}

/// One value on the tape. An object's children are its keys and values in turn; a key is a node of kind string.
struct Node: Equatable {
    let kind: JSONKind
    /// Whether a string's text has a backslash in it.
    let isEscaped: Bool
    /// Where its text begins and how long that is; a string's quotes are part of it.
    let offset: UInt32
    var length: UInt32
    /// The node after this one and all that is in it. While a container is open it holds the container around it.
    var next: UInt32
}

/// A text that was found to be valid, and the flat list of its values in the order of the text.
///
/// Immutable once made, so any number of threads may look at it.
final class Tape: Sendable {
    let bytes: [UInt8]
    let nodes: [Node]
    /// The values whose key their object had before, the first few of them.
    let duplicates: [Int]

    init(bytes: [UInt8], nodes: [Node]) {
        self.bytes = bytes
        self.nodes = nodes
        duplicates = findDuplicateKeys(nodes, in: bytes)
    }

    /// The first node inside a container, and the one after its last.
    func children(of index: Int) -> Range<Int> { index + 1..<Int(nodes[index].next) }

    func string(at index: Int) -> String {
        let node = nodes[index]
        if node.isEscaped { return String(decoding: node.resolvedContents(in: bytes), as: UTF8.self) }
        let bytes = bytes
        let contents = bytes.span.extracting(node.contentsRange)
        // The parser has checked every string's UTF-8.
        return unsafe String(copying: UTF8Span(unchecked: contents))
    }

    /// Whether the text of the string at `index` is this one, byte for byte.
    func string(at index: Int, equals text: Span<UInt8>) -> Bool {
        let node = nodes[index]
        if node.isEscaped {
            let contents = node.resolvedContents(in: bytes)
            return contents.span.hasSameBytes(as: text)
        }
        let bytes = bytes
        return bytes.span.extracting(node.contentsRange).hasSameBytes(as: text)
    }

    func text(at index: Int) -> ArraySlice<UInt8> { bytes[nodes[index].range] }

    /// Where a node is, in the words of `JSONError.path`. Made only when an error is: it walks from the root past every
    /// sibling before the node.
    func path(to target: Int) -> String {
        var path = ""
        var container = 0
        while container != target {
            let isObject = nodes[container].kind == .object
            var child = isObject ? container + 2 : container + 1
            var position = 0
            while nodes[child].next <= target {
                child = Int(nodes[child].next) + (isObject ? 1 : 0)
                position += 1
            }
            if isObject {
                appendKey(string(at: child - 1), to: &path)
            } else {
                path += "[\(position)]"
            }
            container = child
        }
        return path
    }
}

extension Node {
    var range: Range<Int> { Int(offset)..<Int(offset) + Int(length) }

    /// A string without its quotes.
    var contentsRange: Range<Int> { Int(offset) + 1..<Int(offset) + Int(length) - 1 }
}

/// Adds a step to a path. A key that could be mistaken for something else is quoted, and a long one is cut: a path goes
/// into logs and answers, and its keys may come from a stranger.
func appendKey(_ key: String, to path: inout String) {
    let shownMax = 64
    let isPlain = !key.isEmpty && key.utf8.count <= shownMax && key.utf8.allSatisfy(isPlainKeyByte)
    if isPlain {
        path += path.isEmpty ? key : ".\(key)"
    } else {
        let shown = key.unicodeScalars.prefix(shownMax)
        var quoted: [UInt8] = []
        appendQuoted(String(String.UnicodeScalarView(shown)), to: &quoted)
        let mark = shown.endIndex < key.unicodeScalars.endIndex ? "…" : ""
        path += "[\(String(decoding: quoted, as: UTF8.self))\(mark)]"
    }
}

private func isPlainKeyByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"): true
    default: false
    }
}
