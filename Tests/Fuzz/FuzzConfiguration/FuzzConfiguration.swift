import Platform

/// Any text is read or told why not, each entry and problem with a line that the text has.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzzConfiguration(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = unsafe Array(UnsafeBufferPointer(start: data, count: size))
    let lines = 1...(1 + bytes.count { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") })
    let text = ConfigurationText(bytes)
    precondition(text.entries.allSatisfy { lines.contains($0.line) }, "an entry on a line that is not there")
    precondition(text.problems.allSatisfy { lines.contains($0.line) }, "a problem on a line that is not there")
    return 0
}
