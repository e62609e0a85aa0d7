import CMicroHTTPD
import Glibc

/// Copies the header out of the library's memory.
func readHead(
    _ connection: OpaquePointer, method: UnsafePointer<CChar>, version: UnsafePointer<CChar>, limits: ListenerLimits
) -> RequestHead {
    let size = unsafe cmicrohttpd_header_size(connection)
    var builder = HeadBuilder()
    builder.headers.reserve(bytes: size)
    let kinds = MHD_ValueKind.HEADER_KIND.rawValue | MHD_ValueKind.COOKIE_KIND.rawValue
    unsafe withUnsafeMutablePointer(to: &builder) { builder in
        _ = unsafe MHD_get_connection_values_n(
            connection, MHD_ValueKind(rawValue: kinds) ?? MHD_ValueKind.HEADER_KIND, noteField, builder)
    }
    return unsafe RequestHead(
        method: String(cString: method), isHTTP11: strcmp(version, "HTTP/1.1") == 0, headers: builder.headers,
        isOverLimit: size + builder.fields * HeadBuilder.fieldMemory + answerHeaderBytes > connectionMemory(limits))
}

private struct HeadBuilder {
    /// What the library keeps for each field and cookie (`struct MHD_HTTP_Req_Header`, rounded up).
    static let fieldMemory = 64
    var headers = HeaderFields()
    var fields = 0
}

private func noteField(
    _ builder: UnsafeMutableRawPointer?, _ kind: MHD_ValueKind, _ name: UnsafePointer<CChar>?, _ nameLength: Int,
    _ value: UnsafePointer<CChar>?, _ valueLength: Int
) -> MHD_Result {
    guard let builder = unsafe builder?.assumingMemoryBound(to: HeadBuilder.self) else { return MHD_Result.NO }
    unsafe builder.pointee.fields += 1
    if kind == MHD_ValueKind.HEADER_KIND {
        unsafe builder.pointee.headers.append(name: bytes(name, nameLength), value: bytes(value, valueLength))
    }
    return MHD_Result.YES
}

private func bytes(_ start: UnsafePointer<CChar>?, _ count: Int) -> UnsafeBufferPointer<UInt8> {
    unsafe UnsafeBufferPointer(start: UnsafeRawPointer(start)?.assumingMemoryBound(to: UInt8.self), count: count)
}

/// Hands an answer to the library, which sends it.
func send(_ answer: Exchange.Answer, closing: Bool, on connection: OpaquePointer) -> MHD_Result {
    let (status, headers, made) = unsafe makeResponse(answer)
    guard let response = unsafe made else { return MHD_Result.NO }
    defer { unsafe MHD_destroy_response(response) }
    for field in headers {
        // In place: a string passed for a C string is copied first.
        _ = unsafe field.name.withCString { name in
            unsafe field.value.withCString { unsafe MHD_add_response_header(response, name, $0) }
        }
    }
    if closing { unsafe MHD_add_response_header(response, "Connection", "close") }
    return unsafe MHD_queue_response(connection, UInt32(status), response)
}

private func makeResponse(_ answer: Exchange.Answer) -> (status: Int, headers: [HeaderField], made: OpaquePointer?) {
    switch answer {
    case .response(let response):
        let made = unsafe response.body.withUnsafeBytes { unsafe makeCopiedResponse($0) }
        return unsafe (response.status, response.headers, made)
    case .stream(let stream, let headers):
        // Only a client of HTTP/1.0 is sent blocks of this size; for the others the connection's own memory is used.
        let blockSize = 1_024
        let context = unsafe Unmanaged.passRetained(stream)
        let made = unsafe MHD_create_response_from_callback(
            UInt64.max, blockSize, readStream, context.toOpaque(), releaseStream)
        if unsafe made == nil { unsafe context.release() }
        return unsafe (200, headers, made)
    // Without anything to send, the library closes.
    case .none: return (0, [], nil)
    }
}

/// A whole answer past the library, on a connection that is closed after it. False: there was no room for all of it in the
/// socket's buffer, where as a rule nothing else is; then the client sees the close alone, or half an answer and the close.
func say(_ response: Response, on socket: Int32) -> Bool {
    let phrase = unsafe String(cString: MHD_get_reason_phrase_for(UInt32(response.status)))
    var head = "HTTP/1.1 \(response.status) \(phrase)\r\n"
    for field in response.headers { head += "\(field.name): \(field.value)\r\n" }
    head += "Connection: close\r\nContent-Length: \(response.body.count)\r\n\r\n"
    let bytes = Array(head.utf8) + response.body
    return unsafe Glibc.send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT)) == bytes.count
}
