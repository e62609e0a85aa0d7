import Glibc
import JSON

/// Reads `text` and gives its value.
func read(_ text: String, limits: JSONLimits = .standard) throws(JSONError) -> JSONValue {
    try JSONDocument(Array(text.utf8), limits: limits).root
}

/// The error that `body` ends with, or nil.
func failure(of body: () throws(JSONError) -> Void) -> JSONError? {
    do throws(JSONError) { try body() } catch { return error }
    return nil
}

func failure(reading bytes: [UInt8], limits: JSONLimits = .standard) -> JSONError? {
    failure { () throws(JSONError) in _ = try JSONDocument(bytes, limits: limits) }
}

func failure(reading text: String, limits: JSONLimits = .standard) -> JSONError? {
    failure(reading: Array(text.utf8), limits: limits)
}

/// What `body` writes, as text.
func written(_ body: (inout JSONWriter) -> Void) -> String {
    var writer = JSONWriter()
    body(&writer)
    return String(decoding: writer.bytes, as: UTF8.self)
}

/// SplitMix64: the same values from the same seed, everywhere.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// The corpus lies beside this file and is read in place.
enum Corpus {
    static func names(in folder: String) -> [String] {
        guard let listing = unsafe opendir(path(folder)) else { return [] }
        defer { unsafe closedir(listing) }
        var names: [String] = []
        while let entry = unsafe readdir(listing) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { field in
                unsafe field.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name.hasSuffix(".json") { names.append(name) }
        }
        return names.sorted()
    }

    static func bytes(_ folder: String, _ name: String) -> [UInt8]? {
        let descriptor = unsafe open(path("\(folder)/\(name)"), O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0 { return nil }
            if count == 0 { return bytes }
            bytes += chunk[..<count]
        }
    }

    private static func path(_ name: String) -> String {
        let here = #filePath
        let folder = here[..<(here.lastIndex(of: "/") ?? here.startIndex)]
        return "\(folder)/Corpus/\(name)"
    }
}
