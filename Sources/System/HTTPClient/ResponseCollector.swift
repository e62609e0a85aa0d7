/// Collects one answer as libcurl hands it over, and says no when it grows too large.
struct ResponseCollector {
    private let headerLimit: Int
    private let bodyLimit: Int
    /// How much of the header lines has come, interim answers and trailers included.
    private(set) var headerBytes = 0
    private var headIsComplete = false
    private(set) var headers: [HeaderField] = []
    private(set) var body: [UInt8] = []
    /// Set once a limit was passed.
    private(set) var excess: String?

    init(headerLimit: Int, bodyLimit: Int) {
        self.headerLimit = headerLimit
        self.bodyLimit = bodyLimit
    }

    /// One line, with its line break. Interim answers and trailers come this way too: they count, and are dropped.
    mutating func take(headerLine line: UnsafeRawBufferPointer) -> Bool {
        headerBytes += line.count
        guard headerBytes <= headerLimit else {
            excess = "the header lines exceed \(headerLimit) bytes"
            return false
        }
        // By bytes: to take a text apart by characters costs a lookup in Unicode's tables for each.
        let bytes = unsafe Array(line)
        let text = bytes[...].dropLast(while: { $0 == UInt8(ascii: "\r") || $0 == UInt8(ascii: "\n") })
        if text.starts(with: "HTTP/".utf8) {
            headers = []
            headIsComplete = false
        } else if text.isEmpty {
            headIsComplete = true
        } else if !headIsComplete, let colon = text.firstIndex(of: UInt8(ascii: ":")) {
            let value = text[(colon + 1)...].drop(while: isBlank).dropLast(while: isBlank)
            headers.append(
                HeaderField(String(decoding: text[..<colon], as: UTF8.self), String(decoding: value, as: UTF8.self)))
        }
        return true
    }

    mutating func take(body bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count <= bodyLimit - body.count else {
            excess = "the body exceeds \(bodyLimit) bytes"
            return false
        }
        unsafe body.append(contentsOf: bytes)
        return true
    }
}

private func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

extension ArraySlice<UInt8> {
    fileprivate func dropLast(while isUnwanted: (UInt8) -> Bool) -> ArraySlice<UInt8> {
        prefix((lastIndex { !isUnwanted($0) } ?? startIndex - 1) - startIndex + 1)
    }
}
