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
        let text = unsafe String(decoding: line, as: UTF8.self)
        if text.hasPrefix("HTTP/") {
            headers = []
            headIsComplete = false
        } else if text.first?.isNewline ?? true {
            headIsComplete = true
        } else if !headIsComplete, let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) {
            headers.append(HeaderField(String(text[..<colon]), trimmed(text[colon...].dropFirst())))
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

private func trimmed(_ text: Substring) -> String {
    let start = text.drop { $0.isWhitespace }
    guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
    return String(start[...last])
}
