import XML

/// Any text is read inside its limits, or refused.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzzXML(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = unsafe Array(UnsafeBufferPointer(start: data, count: size))
    var limits = XMLLimits()
    limits.depth = 16
    limits.elements = 256
    guard let root = try? XMLElement.parse(bytes, limits: limits) else { return 0 }
    precondition(depth(of: root) <= limits.depth && count(of: root) <= limits.elements, "the limits do not hold")
    return 0
}

private func depth(of element: XMLElement) -> Int { 1 + (element.children.map(depth).max() ?? 0) }
private func count(of element: XMLElement) -> Int { element.children.reduce(1) { $0 + count(of: $1) } }
