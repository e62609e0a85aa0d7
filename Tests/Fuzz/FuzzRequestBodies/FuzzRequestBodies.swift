import JSON
import Wire

/// Every exchange reads anything without harm, and what it has read it can write and read again.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzzRequestBodies(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = unsafe Array(UnsafeBufferPointer(start: data, count: size))
    for route in Route.allCases where route.row.takes != nil {
        guard let body = try? route.read(bytes) else { continue }
        let written = encodeJSON(body)
        precondition((try? route.read(written)) != nil, "what \(route) wrote it does not read")
    }
    return 0
}
