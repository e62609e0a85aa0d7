import CCurl
import Platform

/// One curl multi handle on the loop: the open connections, the names known and the transfers that use them. Does
/// what libcurl asks for (watch this, wake me then) and passes on what has ended.
@safe final class Connections {
    private let handle: UnsafeMutableRawPointer
    private let loop: any EventLoop
    private var timer: (any LoopTimer)?
    private var watches: [curl_socket_t: any DescriptorWatch] = [:]
    // Not told yet: what ended where no caller's code may run.
    private var ended: [(transfer: Transfer, code: CURLcode)] = []
    private var teller: (any LoopTimer)?

    init(loop: any EventLoop, options: TransportOptions) throws(TransportError) {
        // Once for the process; safe from any thread since 7.84.
        precondition(libraryIsReady, "libcurl cannot be initialised")
        guard let handle = unsafe curl_multi_init() else {
            throw TransportError(.resources, "make a curl multi handle: out of memory")
        }
        unsafe self.handle = handle
        self.loop = loop
        do {
            timer = try loop.makeTimer { [weak self] in self?.act(ccurl_socket_timeout, 0) }
            teller = try loop.makeTimer { [weak self] in self?.tellEnded() }
        } catch { throw TransportError(.resources, "make a timer for connections: \(error)") }
        set(CURLMOPT_MAXCONNECTS, options.maxConnections)
        set(CURLMOPT_MAX_TOTAL_CONNECTIONS, options.maxConnections)
        set(CURLMOPT_MAX_HOST_CONNECTIONS, options.maxConnectionsPerHost)
        installCallbacks()
    }

    deinit {
        // No transfer is left: each holds on to its `Connections`.
        for watch in watches.values { watch.cancel() }
        timer?.disarm()
        unsafe ccurl_multi_set_socket_callback(handle, nil)
        unsafe ccurl_multi_set_timer_callback(handle, nil)
        unsafe curl_multi_cleanup(handle)
    }

    func add(_ transfer: Transfer) throws(TransportError) {
        let code = unsafe curl_multi_add_handle(handle, transfer.handle)
        guard code == CURLM_OK else {
            throw TransportError(.resources, "start a transfer (curl multi \(code.rawValue))")
        }
        // Now, or its first step costs a turn of the loop; over a kept connection that is a third of all it costs.
        drive(ccurl_socket_timeout, 0)
        if !ended.isEmpty { teller?.arm(at: loop.now) }
    }

    func remove(_ transfer: Transfer) {
        ended.removeAll { $0.transfer === transfer }
        let code = unsafe curl_multi_remove_handle(handle, transfer.handle)
        precondition(code == CURLM_OK, "a transfer cannot leave (curl multi \(code.rawValue))")
    }

    private func act(_ descriptor: curl_socket_t, _ events: Int32) {
        drive(descriptor, events)
        tellEnded()
    }

    private func drive(_ descriptor: curl_socket_t, _ events: Int32) {
        var running: Int32 = 0
        let code = unsafe curl_multi_socket_action(handle, descriptor, events, &running)
        // What goes wrong for a transfer comes as its own message below.
        precondition(code == CURLM_OK || code == CURLM_OUT_OF_MEMORY, "libcurl stopped (curl multi \(code.rawValue))")
        var left: Int32 = 0
        while let message = unsafe curl_multi_info_read(handle, &left) {
            guard unsafe message.pointee.msg == CURLMSG_DONE,
                let transfer = unsafe Transfer.owning(message.pointee.easy_handle)
            else { continue }
            unsafe ended.append((transfer, ccurl_message_result(message)))
        }
    }

    /// Each runs a caller's code, which may start, cancel or close anything: nothing is remembered across one. What is
    /// started here and ends at once is told in the next turn, or whoever asks again and again would hold up the loop.
    private func tellEnded() {
        for _ in ended.indices where !ended.isEmpty {
            let (transfer, code) = ended.removeFirst()
            transfer.ended?(code)
        }
    }
}

// MARK: What libcurl asks for

extension Connections {
    private func set(_ option: CURLMoption, _ value: Int) {
        let code = unsafe ccurl_multi_set_long(handle, option, value)
        precondition(code == CURLM_OK, "libcurl refuses multi option \(option.rawValue)")
    }

    private func installCallbacks() {
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe ccurl_multi_set_pointer(handle, CURLMOPT_SOCKETDATA, context)
        unsafe ccurl_multi_set_socket_callback(handle, socketChanged)
        unsafe ccurl_multi_set_pointer(handle, CURLMOPT_TIMERDATA, context)
        unsafe ccurl_multi_set_timer_callback(handle, timerChanged)
    }

    fileprivate func follow(_ descriptor: curl_socket_t, _ what: Int32, for handle: UnsafeMutableRawPointer?) {
        if what == CURL_POLL_REMOVE {
            watches.removeValue(forKey: descriptor)?.cancel()
            return
        }
        var interest: Readiness = []
        if what & CURL_POLL_IN != 0 { interest.insert(.readable) }
        if what & CURL_POLL_OUT != 0 { interest.insert(.writable) }
        do throws(EventLoopError) {
            if let watch = watches[descriptor] { return try watch.change(to: interest) }
            watches[descriptor] = try loop.watch(descriptor: descriptor, for: interest) { [weak self] readiness in
                self?.act(descriptor, selectBits(readiness))
            }
        } catch {
            guard let transfer = unsafe Transfer.owning(handle) else { return }
            transfer.refusal = "watch a socket: \(error)"
            // To fail inside libcurl's callback would end all the others as well.
            ended.append((transfer, CURLE_ABORTED_BY_CALLBACK))
        }
    }

    fileprivate func wake(afterMilliseconds delay: Int) {
        if delay < 0 { timer?.disarm() } else { timer?.arm(at: loop.now + .milliseconds(delay)) }
    }
}

private let libraryIsReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

private func selectBits(_ readiness: Readiness) -> Int32 {
    var bits: Int32 = 0
    if readiness.contains(.readable) { bits |= CURL_CSELECT_IN }
    if readiness.contains(.writable) { bits |= CURL_CSELECT_OUT }
    if readiness.contains(.failed) { bits |= CURL_CSELECT_ERR }
    return bits
}

private func socketChanged(
    _ easy: UnsafeMutableRawPointer?, _ descriptor: curl_socket_t, _ what: Int32, _ context: UnsafeMutableRawPointer?,
    _: UnsafeMutableRawPointer?
) -> Int32 {
    unsafe connections(context).follow(descriptor, what, for: easy)
    return 0
}

private func timerChanged(
    _: UnsafeMutableRawPointer?, _ milliseconds: Int, _ context: UnsafeMutableRawPointer?
) -> Int32 {
    unsafe connections(context).wake(afterMilliseconds: milliseconds)
    return 0
}

private func connections(_ context: UnsafeMutableRawPointer?) -> Connections {
    guard let context = unsafe context else { fatalError("libcurl lost the context it was given") }
    return unsafe Unmanaged<Connections>.fromOpaque(context).takeUnretainedValue()
}
