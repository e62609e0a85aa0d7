import CMicroHTTPD
import Glibc
import Platform
import Synchronization

/// The library's workers. Owned by the listener, which stops it once, with nothing suspended.
@safe struct Daemon: @unchecked Sendable {
    // MHD_add_connection is called by the doorkeeper alone and is safe beside the workers; MHD_stop_daemon by the listener
    // after the doorkeeper has ended.
    private let handle: OpaquePointer
    /// What the library says while it starts: the only reason it gives for not starting. Later it speaks of single
    /// clients, of which only refusals are listened to.
    private let log: UnsafeMutablePointer<cmicrohttpd_log>

    init(_ core: ListenerCore) throws(HTTPServerError) {
        let options = core.options
        if options.tls != nil && MHD_is_feature_supported(MHD_FEATURE.FEATURE_SSL) != MHD_Result.YES {
            throw HTTPServerError(.tls, "start the HTTP library: it was built without TLS")
        }
        unsafe log = .allocate(capacity: 1)
        unsafe log.initialize(to: cmicrohttpd_log())
        unsafe log.pointee.refuses = noteRefusal
        unsafe log.pointee.context = Unmanaged.passUnretained(core).toOpaque()
        let log = unsafe log
        let started = unsafe withTLS(options.tls) { tls in
            var items = unsafe makeOptions(core) + tls + [makeOption(MHD_OPTION.END)]
            return unsafe cmicrohttpd_start(
                makeFlags(options), handleAccess, Unmanaged.passUnretained(core).toOpaque(), log, &items)
        }
        guard let started = unsafe started else {
            let reason = unsafe lastWords(log)
            unsafe log.deallocate()
            throw HTTPServerError(options.tls == nil ? .failed : .tls, "start the HTTP library: \(reason)")
        }
        unsafe cmicrohttpd_note_start(log)
        unsafe handle = started
    }

    /// Takes over the socket, whatever happens. False: it is closed.
    func add(_ socket: Int32, _ address: UnsafePointer<sockaddr>, _ length: socklen_t) -> Bool {
        unsafe MHD_add_connection(handle, socket, address, length) == MHD_Result.YES
    }

    /// Closes every connection and waits for the workers. With anything suspended the library would abort.
    func stop() {
        unsafe MHD_stop_daemon(handle)
        unsafe log.deallocate()
    }
}

private func lastWords(_ log: UnsafeMutablePointer<cmicrohttpd_log>) -> String {
    let text = unsafe withUnsafeBytes(of: &log.pointee.text) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 && $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }
    return text.isEmpty ? "no reason given" : text.prefix(1).lowercased() + text.dropFirst()
}

/// The right to resume one suspended connection, and the place to suspend it.
@safe struct Suspension: @unchecked Sendable {
    // The connection lives as long as its exchange is not completed, and a suspended one cannot complete. `suspend` is
    // called on its worker, `resume` once by whoever took the exchange or the stream out of its suspended state.
    private let connection: OpaquePointer

    init(_ connection: OpaquePointer) { unsafe self.connection = connection }

    /// Whether the library has all of the header, and has not ended the connection.
    var hasHeader: Bool { unsafe cmicrohttpd_header_size(connection) > 0 }

    func suspend() { unsafe MHD_suspend_connection(connection) }
    func resume() { unsafe MHD_resume_connection(connection) }
}

/// The memory of one connection: it must hold the header, what the library notes about each of its fields, and the header
/// of the answer.
func connectionMemory(_ limits: ListenerLimits) -> Int { limits.headerBytes + 512 + answerHeaderBytes }
let answerHeaderBytes = 1_024

private func makeFlags(_ options: ListenerOptions) -> UInt32 {
    // No listening socket: the doorkeeper accepts. The library's own way to stop accepting races with its workers and
    // aborts when it loses, and its way to reach the connection limit is silence.
    var flags = MHD_USE_EPOLL_INTERNAL_THREAD.rawValue | MHD_USE_NO_LISTEN_SOCKET.rawValue
    flags |= MHD_ALLOW_SUSPEND_RESUME.rawValue | MHD_USE_ITC.rawValue | MHD_USE_TURBO.rawValue
    flags |= MHD_USE_ERROR_LOG.rawValue
    if options.tls != nil { flags |= MHD_USE_TLS.rawValue }
    return flags
}

private func makeOptions(_ core: ListenerCore) -> [MHD_OptionItem] {
    let limits = core.options.limits
    let context = unsafe Unmanaged.passUnretained(core).toOpaque()
    let completed: MHD_RequestCompletedCallback = unsafe noteCompleted
    let notified: MHD_NotifyConnectionCallback = unsafe noteConnection
    let lined:
        @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<CChar>?, OpaquePointer?) -> UnsafeMutableRawPointer? =
            unsafe noteRequestLine
    let unescaped: @convention(c) (UnsafeMutableRawPointer?, OpaquePointer?, UnsafeMutablePointer<CChar>?) -> Int =
        unsafe keepEscapes
    var items = unsafe [
        // No limit of the library's own: it would be divided among the workers and fill unevenly. The doorkeeper counts.
        makeOption(MHD_OPTION.CONNECTION_LIMIT, min(core.connectionLimit * core.options.workers, Int(Int32.max))),
        makeOption(MHD_OPTION.PER_IP_CONNECTION_LIMIT, limits.connectionsPerAddress),
        makeOption(MHD_OPTION.CONNECTION_MEMORY_LIMIT, connectionMemory(limits)),
        // Time-outs are ours: the library's count inactivity only, in whole seconds.
        makeOption(MHD_OPTION.CONNECTION_TIMEOUT, 0),
        // What 1 would refuse, a space in the target and no `Host`, it would refuse without an answer or with a broken one.
        makeOption(MHD_OPTION.STRICT_FOR_CLIENT, 0),
        makeOption(MHD_OPTION.NOTIFY_COMPLETED, unsafeBitCast(completed, to: Int.self), context),
        makeOption(MHD_OPTION.NOTIFY_CONNECTION, unsafeBitCast(notified, to: Int.self), context),
        makeOption(MHD_OPTION.URI_LOG_CALLBACK, unsafeBitCast(lined, to: Int.self), context),
        makeOption(MHD_OPTION.UNESCAPE_CALLBACK, unsafeBitCast(unescaped, to: Int.self), nil),
    ]
    if core.options.workers > 1 { unsafe items.append(makeOption(MHD_OPTION.THREAD_POOL_SIZE, core.options.workers)) }
    return unsafe items
}

private func makeOption(_ option: MHD_OPTION, _ value: Int = 0, _ pointer: UnsafeMutableRawPointer? = nil)
    -> MHD_OptionItem
{
    unsafe MHD_OptionItem(option: option, value: value, ptr_value: pointer)
}

/// The library reads certificate and key while it starts and not later.
private func withTLS<Value>(_ tls: TLSIdentity?, _ body: ([MHD_OptionItem]) -> Value) -> Value {
    guard let tls else { return unsafe body([]) }
    // TLS 1.2 is the oldest version without known breaks.
    let priorities = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE"
    return unsafe tls.certificate.withCString { certificate in
        unsafe tls.key.withCString { key in
            unsafe priorities.withCString { priorities in
                unsafe body([
                    makeOption(MHD_OPTION.HTTPS_MEM_CERT, 0, UnsafeMutableRawPointer(mutating: certificate)),
                    makeOption(MHD_OPTION.HTTPS_MEM_KEY, 0, UnsafeMutableRawPointer(mutating: key)),
                    makeOption(MHD_OPTION.HTTPS_PRIORITIES, 0, UnsafeMutableRawPointer(mutating: priorities)),
                ])
            }
        }
    }
}
