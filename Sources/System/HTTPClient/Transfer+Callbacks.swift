import CCurl
import Glibc
import Platform

// Formed here, in nonisolated functions: a closure formed under @main would belong to the main actor and trap on any
// other thread. Each does one thing, and none runs a caller's code.

extension Transfer {
    func installRequestCallbacks() {
        unsafe check(ccurl_set_receiver(handle, CURLOPT_HEADERFUNCTION, takeHeader), CURLOPT_HEADERFUNCTION)
        unsafe set(CURLOPT_HEADERDATA, context)
        unsafe check(ccurl_set_receiver(handle, CURLOPT_WRITEFUNCTION, takeBody), CURLOPT_WRITEFUNCTION)
        unsafe set(CURLOPT_WRITEDATA, context)
    }

    func installConnectionCallbacks() {
        unsafe check(ccurl_set_socket_opener(handle, openSocket), CURLOPT_OPENSOCKETFUNCTION)
        unsafe set(CURLOPT_OPENSOCKETDATA, context)
        unsafe check(ccurl_set_lookup_gate(handle, askForLookup), CURLOPT_RESOLVER_START_FUNCTION)
        unsafe set(CURLOPT_RESOLVER_START_DATA, context)
    }
}

private func transfer(_ context: UnsafeMutableRawPointer?) -> Transfer {
    guard let context = unsafe context else { fatalError("libcurl lost the context it was given") }
    return unsafe Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
}

/// Any count but the one handed over ends the transfer.
private func takeHeader(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    let line = unsafe UnsafeRawBufferPointer(start: bytes, count: size * count)
    return unsafe transfer(context).answer.take(headerLine: line) ? line.count : line.count + 1
}

private func takeBody(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    let part = unsafe UnsafeRawBufferPointer(start: bytes, count: size * count)
    return unsafe transfer(context).answer.take(body: part) ? part.count : part.count + 1
}

/// libcurl's own sockets would be inherited by every child process.
private func openSocket(
    _ context: UnsafeMutableRawPointer?, _: curlsocktype, _ address: UnsafeMutablePointer<curl_sockaddr>?
) -> curl_socket_t {
    let transfer = unsafe transfer(context)
    guard let address = unsafe address else { return CURL_SOCKET_BAD }
    let numeric = unsafe numericAddress(address)
    guard transfer.kind == .request else {
        // Refused, libcurl goes on to the next one: so a lookup comes to know them all.
        if let numeric { transfer.addresses.append(numeric.host) }
        return CURL_SOCKET_BAD
    }
    transfer.peer = numeric.map { "\($0.host) port \($0.port)" }
    let family = unsafe address.pointee.family
    let kind = unsafe address.pointee.socktype | Int32(SOCK_CLOEXEC.rawValue)
    let descriptor = unsafe Glibc.socket(family, kind, address.pointee.protocol)
    if descriptor < 0 { transfer.refusal = "open a socket: \(describe(errno: lastErrno))" }
    transfer.socket = descriptor
    return descriptor
}

/// A request never resolves a name in its own time: the thread that does could not be stopped at its deadline.
private func askForLookup(
    _: UnsafeMutableRawPointer?, _: UnsafeMutableRawPointer?, _ context: UnsafeMutableRawPointer?
) -> Int32 {
    let transfer = unsafe transfer(context)
    if transfer.mayLookUp { return 0 }
    transfer.needsLookup = true
    return 1
}

private func numericAddress(_ address: UnsafeMutablePointer<curl_sockaddr>) -> (host: String, port: String)? {
    guard let offset = MemoryLayout<curl_sockaddr>.offset(of: \.addr) else { return nil }
    // The structure ends in a `sockaddr`, but what libcurl hands over is as long as the address family needs.
    let start = unsafe (UnsafeRawPointer(address) + offset).assumingMemoryBound(to: sockaddr.self)
    var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
    var port = [CChar](repeating: 0, count: Int(NI_MAXSERV))
    let failed = unsafe getnameinfo(
        start, address.pointee.addrlen, &host, socklen_t(host.count), &port, socklen_t(port.count),
        NI_NUMERICHOST | NI_NUMERICSERV)
    return failed != 0 ? nil : (text(host), text(port))
}

private func text(_ characters: [CChar]) -> String {
    String(decoding: characters.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
}
