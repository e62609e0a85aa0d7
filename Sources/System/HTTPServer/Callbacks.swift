import CMicroHTTPD
import Glibc

// What the library calls, on its workers. Top-level functions: a closure formed in a main would be main-actor-isolated
// and trap there. Each finds its context and hands over.

/// The request line has come: the exchange begins. Kept by the library until `noteCompleted`.
func noteRequestLine(
    _ context: UnsafeMutableRawPointer?, _ target: UnsafePointer<CChar>?, _ connection: OpaquePointer?
) -> UnsafeMutableRawPointer? {
    // Not the context: each connection knows its listener, and all workers would count their references to it at once.
    guard let connection = unsafe connection, let target = unsafe target,
        let client = unsafe recover(cmicrohttpd_socket_context(connection), as: Connection.self)
    else { return nil }
    client.allow(until: client.core.now() + client.core.times.header, forRequest: true)
    client.core.exchangeBegan()
    let exchange = unsafe Exchange(
        connection: client, suspension: Suspension(connection), target: String(cString: target))
    unsafe hideQuery(target)
    client.core.reading.exchange = exchange
    return unsafe Unmanaged.passRetained(exchange).toOpaque()
}

/// The library is about to refuse a request alone, and does not say whose.
func noteRefusal(_ context: UnsafeMutableRawPointer?, _ status: UInt32) {
    guard let core = unsafe recover(context, as: ListenerCore.self), let status = Int(exactly: status),
        (400...599).contains(status)
    else { return }
    core.counters.rejected.increment()
    let refusal = Refusal(status: status, reason: LibraryPages.reason(status, core.options.limits), request: nil)
    LibraryPages.replace(with: LibraryPage(refusal, core: core))
    core.reading.exchange?.refusedByLibrary(status: status)
}

/// The library next cuts the query into parameters, in place, and keeps each in the connection's memory: of a hundred there
/// is no room for more, and then it neither answers nor reads on. `RequestTarget` has its own, so it is shown an empty one.
private func hideQuery(_ target: UnsafePointer<CChar>) {
    if let mark = unsafe strchr(target, Int32(UInt8(ascii: "?"))) { unsafe mark[1] = 0 }
}

/// Called when the header is complete, for each piece of the body, at the end of the request, and after each resume.
func handleAccess(
    _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?, _ path: UnsafePointer<CChar>?,
    _ method: UnsafePointer<CChar>?, _ version: UnsafePointer<CChar>?, _ bytes: UnsafePointer<CChar>?,
    _ count: UnsafeMutablePointer<Int>?, _ exchange: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> MHD_Result {
    guard let exchange = unsafe recover(exchange?.pointee, as: Exchange.self), let connection = unsafe connection,
        let method = unsafe method, let version = unsafe version, let count = unsafe count
    else { return MHD_Result.NO }
    let step: Exchange.Step
    if exchange.arrival.progress == .requestLine {
        exchange.core.reading.exchange = nil
        step = exchange.begin(
            unsafe readHead(connection, method: method, version: version, limits: exchange.core.options.limits))
    } else if let bytes = unsafe bytes {
        step = unsafe exchange.receive(
            UnsafeBufferPointer(
                start: UnsafeRawPointer(bytes).assumingMemoryBound(to: UInt8.self), count: count.pointee))
        unsafe count.pointee = 0
    } else {
        step = exchange.proceed()
    }
    switch consume step {
    case .read, .wait: return MHD_Result.YES
    case .close: return MHD_Result.NO
    case .send(let answer, let closing): return unsafe send(answer, closing: closing, on: connection)
    }
}

/// The request is over, answered or not.
func noteCompleted(
    _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?,
    _ exchange: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, _ reason: MHD_RequestTerminationCode
) {
    guard let pointer = unsafe exchange?.pointee else { return }
    unsafe exchange?.pointee = nil
    let ended = unsafe Unmanaged<Exchange>.fromOpaque(pointer).takeRetainedValue()
    if ended.core.reading.exchange === ended { ended.core.reading.exchange = nil }
    ended.completed()
    ended.core.exchangeEnded()
}

/// A connection begins, or is about to be closed.
func noteConnection(
    _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?,
    _ slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, _ notice: MHD_ConnectionNotificationCode
) {
    guard let core = unsafe recover(context, as: ListenerCore.self), let connection = unsafe connection,
        let slot = unsafe slot
    else { return }
    if notice == MHD_ConnectionNotificationCode.CONNECTION_NOTIFY_STARTED {
        let now = core.now()
        let client = unsafe Connection(
            core: core, descriptor: cmicrohttpd_descriptor(connection), peer: PeerAddress(cmicrohttpd_peer(connection)),
            deadline: now + core.times.header)
        client.ticket = core.roster.watch(client, now: now)
        unsafe slot.pointee = Unmanaged.passRetained(client).toOpaque()
        core.counters.accepted.increment()
    } else if let pointer = unsafe slot.pointee {
        unsafe slot.pointee = nil
        let client = unsafe Unmanaged<Connection>.fromOpaque(pointer).takeRetainedValue()
        client.ended()
        if let ticket = client.ticket { core.roster.remove(ticket) }
        core.counters.open.decrement()
    }
}

/// The next piece of a stream.
func readStream(
    _ stream: UnsafeMutableRawPointer?, _ position: UInt64, _ target: UnsafeMutablePointer<CChar>?, _ count: Int
) -> Int {
    // MHD_CONTENT_READER_END_OF_STREAM; a cast in a macro, which Swift does not import.
    let endOfStream = -1
    guard let stream = unsafe recover(stream, as: ResponseStream.self) else { return endOfStream }
    switch unsafe stream.read(into: UnsafeMutableRawBufferPointer(start: target, count: count)) {
    case .bytes(let count): return count
    case .suspended: return 0
    case .end: return endOfStream
    }
}

func releaseStream(_ stream: UnsafeMutableRawPointer?) {
    if let stream = unsafe stream { unsafe Unmanaged<ResponseStream>.fromOpaque(stream).release() }
}

/// Targets are decoded in `RequestTarget`, where it can be refused; the library would decode what it cannot split again.
func keepEscapes(
    _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?, _ text: UnsafeMutablePointer<CChar>?
) -> Int {
    unsafe text.map { unsafe strlen($0) } ?? 0
}

private func recover<Context: AnyObject>(_ pointer: UnsafeMutableRawPointer?, as type: Context.Type) -> Context? {
    unsafe pointer.map { unsafe Unmanaged<Context>.fromOpaque($0).takeUnretainedValue() }
}
