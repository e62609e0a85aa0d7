import JSON
import Wire

/// Every exchange reads anything without harm, and what it has read it can write and read again.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzzRequestBodies(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    // The first byte chooses the route, the rest is its body.
    let bytes = unsafe Array(UnsafeBufferPointer(start: data, count: size))
    guard let choice = bytes.first else { return 0 }
    let routes = Route.allCases.filter { $0.row.takes != nil }
    let route = routes[Int(choice) % routes.count]
    guard let body = try? route.read(Array(bytes.dropFirst())) else { return 0 }
    let written = encodeJSON(body)
    precondition((try? route.read(written)) != nil, "what \(route) wrote it does not read")
    return 0
}
