import Glibc
import JSON
import TestSupport
import Wire

/// One message of the protocol in its fullest form: the value, the file that holds its text, and what the reader
/// demands of it.
struct Golden: CustomStringConvertible, Sendable {
    let name: String
    let value: any WireObject
    /// The places without which it cannot be read. A place in a list stands for every entry.
    let required: [String]
    /// The places that a reader does not look at: they repeat what stands elsewhere, or are there for old readers.
    let unread: [String]

    init(_ name: String, _ value: any WireObject, required: [String] = [], unread: [String] = []) {
        self.name = name
        self.value = value
        self.required = required
        self.unread = unread
    }

    var description: String { name }

    /// The file, without its white space: it is laid out for people, programs send it bare.
    func text() throws -> [UInt8] { encodeJSON(try tree()) }

    func tree() throws -> Tree {
        try decodeJSON(Tree.self, from: try contents(of: goldenFolder + "/\(name).json"))
    }

    /// Reads `bytes` as this message.
    func read(_ bytes: [UInt8]) throws(JSONError) -> any WireObject { try readAs(value, bytes) }
}

/// Golden files belong to one version of the protocol and are never edited after its release.
let goldenFolder = testFolder + "/Golden/v1"
let corpusFolder = testFolder + "/../Fuzz/Corpora/RequestBodies"

private let testFolder = String(#filePath.dropLast("/Golden.swift".count))

private func readAs<Message: WireObject>(_ like: Message, _ bytes: [UInt8]) throws(JSONError) -> any WireObject {
    try decodeJSON(Message.self, from: bytes)
}

func areEqual(_ left: any WireObject, _ right: any WireObject) -> Bool { isEqual(left, to: right) }

private func isEqual<Message: WireObject>(_ left: Message, to right: any WireObject) -> Bool {
    (right as? Message) == left
}

func contents(of path: String) throws -> [UInt8] {
    guard let file = unsafe fopen(path, "re") else { throw TestSupportError("open \(path): errno \(errno)") }
    defer { unsafe fclose(file) }
    var bytes: [UInt8] = []
    while case let byte = unsafe getc(file), byte != EOF { bytes.append(UInt8(byte)) }
    return bytes
}

/// The names in a folder, sorted.
func names(in folder: String) throws -> [String] {
    guard let stream = unsafe opendir(folder) else { throw TestSupportError("open \(folder): errno \(errno)") }
    defer { unsafe closedir(stream) }
    var names: [String] = []
    while let entry = unsafe readdir(stream) {
        let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
            unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
        }
        if !name.hasPrefix(".") { names.append(name) }
    }
    return names.sorted()
}
