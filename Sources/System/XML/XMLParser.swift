import CExpat

extension XMLElement {
    /// The root of the document in `bytes`. Any thread may call it.
    package static func parse(_ bytes: [UInt8], limits: XMLLimits = XMLLimits()) throws(XMLError) -> XMLElement {
        guard bytes.count <= min(limits.bytes, Int(Int32.max)) else {
            throw XMLError(.tooLarge, line: 1, column: 1, "\(bytes.count) bytes, more than \(limits.bytes)")
        }
        return try Parser(limits: limits).parse(bytes)
    }
}

/// Builds the tree from expat's events.
///
/// A class because expat keeps a pointer to it. Its handlers never throw into C: the first refusal is kept and stops expat.
@safe private final class Parser {
    /// An element whose end has not come yet.
    struct OpenElement {
        let name: String
        let attributes: [XMLElement.Attribute]
        var text: [UInt8] = []
        var children: [XMLElement] = []
    }

    private let expat: XML_Parser
    private let limits: XMLLimits
    private var open: [OpenElement] = []
    private var root: XMLElement?
    private var elements = 0
    private var refusal: XMLError?

    init(limits: XMLLimits) {
        guard let expat = unsafe XML_ParserCreate(nil) else { preconditionFailure("no memory for an XML parser") }
        unsafe self.expat = expat
        self.limits = limits
        unsafe XML_SetUserData(expat, Unmanaged.passUnretained(self).toOpaque())
        unsafe installHandlers(on: expat)
    }

    deinit { unsafe XML_ParserFree(expat) }

    func parse(_ bytes: [UInt8]) throws(XMLError) -> XMLElement {
        let status = unsafe bytes.withUnsafeBytes { bytes in
            unsafe XML_Parse(expat, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(bytes.count), 1)
        }
        if let refusal { throw refusal }
        guard status == XML_STATUS_OK, let root else {
            let reason = unsafe XML_ErrorString(XML_GetErrorCode(expat)).map { unsafe String(cString: $0) }
            throw error(.malformed, reason ?? "no element")
        }
        return root
    }

    // MARK: Events

    func begin(_ qualifiedName: String, _ pairs: [(name: String, value: String)]) {
        // expat may deliver the rest of what it has read after a handler stopped it.
        guard refusal == nil else { return }
        elements += 1
        guard open.count < limits.depth else { return refuse(.tooLarge, "more than \(limits.depth) levels") }
        guard elements <= limits.elements else { return refuse(.tooLarge, "more than \(limits.elements) elements") }
        guard pairs.count <= limits.attributes else {
            return refuse(.tooLarge, "more than \(limits.attributes) attributes")
        }
        let sizes = pairs.flatMap { [$0.name.utf8.count, $0.value.utf8.count] } + [qualifiedName.utf8.count]
        guard sizes.allSatisfy({ $0 <= limits.text }) else {
            return refuse(.tooLarge, "a name or value of more than \(limits.text) bytes")
        }
        let attributes = pairs.filter { $0.name != "xmlns" && !$0.name.hasPrefix("xmlns:") }
            .map { XMLElement.Attribute(name: localName($0.name), value: $0.value) }
        open.append(OpenElement(name: localName(qualifiedName), attributes: attributes))
    }

    func add(text: UnsafeBufferPointer<UInt8>) {
        guard refusal == nil, let last = open.indices.last else { return }
        guard open[last].text.count + text.count <= limits.text else {
            return refuse(.tooLarge, "a text of more than \(limits.text) bytes")
        }
        unsafe open[last].text.append(contentsOf: text)
    }

    func end() {
        guard refusal == nil, let ended = open.popLast() else { return }
        let isLayout = !ended.children.isEmpty && ended.text.allSatisfy { $0 == 32 || $0 == 9 || $0 == 10 || $0 == 13 }
        let element = XMLElement(
            name: ended.name, attributes: ended.attributes,
            text: isLayout ? "" : String(decoding: ended.text, as: UTF8.self), children: ended.children)
        if let parent = open.indices.last {
            open[parent].children.append(element)
        } else {
            root = element
        }
    }

    func refuse(_ code: XMLError.Code, _ reason: String) {
        guard refusal == nil else { return }
        refusal = error(code, reason)
        unsafe XML_StopParser(expat, 0)
    }

    private func error(_ code: XMLError.Code, _ reason: String) -> XMLError {
        let line = unsafe Int(XML_GetCurrentLineNumber(expat))
        let column = unsafe Int(XML_GetCurrentColumnNumber(expat)) + 1
        return XMLError(code, line: line, column: column, reason)
    }
}

private func localName(_ name: String) -> String {
    guard let colon = name.utf8.lastIndex(of: UInt8(ascii: ":")) else { return name }
    return String(name[name.utf8.index(after: colon)...])
}

private func parser(_ context: UnsafeMutableRawPointer?) -> Parser {
    guard let context = unsafe context else { preconditionFailure("expat lost its user data") }
    return unsafe Unmanaged<Parser>.fromOpaque(context).takeUnretainedValue()
}

private func installHandlers(on expat: XML_Parser) {
    unsafe XML_SetElementHandler(
        expat,
        { context, name, attributes in
            let name = unsafe name.map { unsafe String(cString: $0) } ?? ""
            var pairs: [(name: String, value: String)] = []
            var next = unsafe attributes
            // Names and values in turn, ended by a null pointer.
            while let name = unsafe next?[0], let value = unsafe next?[1] {
                unsafe pairs.append((String(cString: name), String(cString: value)))
                unsafe next = next?.advanced(by: 2)
            }
            unsafe parser(context).begin(name, pairs)
        },
        { context, _ in unsafe parser(context).end() })
    unsafe XML_SetCharacterDataHandler(expat) { context, start, count in
        let characters = unsafe UnsafeBufferPointer(start: start, count: Int(count))
        unsafe characters.withMemoryRebound(to: UInt8.self) { unsafe parser(context).add(text: $0) }
    }
    // Without a document type there are no entities to expand, however deep or wide or far away.
    unsafe XML_SetStartDoctypeDeclHandler(expat) { context, _, _, _, _ in
        unsafe parser(context).refuse(.forbidden, "a document type declaration")
    }
}
