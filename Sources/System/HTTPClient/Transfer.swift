import CCurl
import Glibc

/// Owns one curl easy handle and all that libcurl reads or writes through it: the header list, the error text and the
/// answer so far. A class, because libcurl keeps a pointer to it.
@safe final class Transfer {
    enum Kind { case request, lookup }

    let handle: UnsafeMutableRawPointer
    // libcurl writes into it until the handle is cleaned up.
    private let errorBuffer: UnsafeMutablePointer<CChar>
    // libcurl reads it until the transfer has left its multi handle.
    private var headerList: UnsafeMutablePointer<curl_slist>?
    private var addressList: UnsafeMutablePointer<curl_slist>?
    private var connections: Connections?

    var kind = Kind.request
    var answer = ResponseCollector(headerLimit: 0, bodyLimit: 0)
    /// Set when libcurl found that it needs the name server and was told not to go there.
    var needsLookup = false
    var mayLookUp = false
    /// What a lookup found.
    var addresses: [String] = []
    /// The address that was tried last, and the socket for it, which is libcurl's.
    var peer: String?
    var socket: Int32?
    var isSecure = false
    /// Why a socket could not be had, or be watched.
    var refusal: String?
    /// Called outside libcurl when the transfer has ended.
    var ended: ((CURLcode) -> Void)?

    init() throws(TransportError) {
        guard let handle = unsafe curl_easy_init() else {
            throw TransportError(.resources, "make a curl handle: out of memory")
        }
        unsafe self.handle = handle
        unsafe errorBuffer = .allocate(capacity: Int(CURL_ERROR_SIZE))
    }

    deinit {
        leave()
        unsafe curl_easy_cleanup(handle)
        unsafe errorBuffer.deallocate()
        unsafe curl_slist_free_all(headerList)
        unsafe curl_slist_free_all(addressList)
    }

    /// Back to how it was made, for another request. Connections and names known are not its own and stay.
    func reset() {
        leave()
        unsafe curl_easy_reset(handle)
        unsafe curl_slist_free_all(headerList)
        unsafe headerList = nil
        unsafe curl_slist_free_all(addressList)
        unsafe addressList = nil
        unsafe errorBuffer.pointee = 0
        answer = ResponseCollector(headerLimit: 0, bodyLimit: 0)
        kind = .request
        needsLookup = false
        mayLookUp = false
        addresses = []
        peer = nil
        socket = nil
        isSecure = false
        refusal = nil
        ended = nil
        unsafe set(CURLOPT_PRIVATE, context)
        unsafe set(CURLOPT_ERRORBUFFER, errorBuffer)
    }

    func join(_ connections: Connections) throws(TransportError) {
        precondition(self.connections == nil, "a transfer runs in one place at a time")
        try connections.add(self)
        self.connections = connections
    }

    /// Ends the transfer if it runs. Never waits: nothing but a lookup has a thread, and that one is left behind.
    func leave() {
        connections?.remove(self)
        connections = nil
    }

    /// libcurl's own words about what went wrong; often empty.
    var errorText: String { unsafe String(cString: errorBuffer) }
    var context: UnsafeMutableRawPointer { unsafe Unmanaged.passUnretained(self).toOpaque() }

    /// The transfer a handle belongs to; nil for those libcurl keeps for itself.
    static func owning(_ handle: UnsafeMutableRawPointer?) -> Transfer? {
        var context: UnsafeMutableRawPointer?
        guard let handle = unsafe handle, unsafe ccurl_get_pointer(handle, CURLINFO_PRIVATE, &context) == CURLE_OK
        else {
            return nil
        }
        return unsafe context.map { unsafe Unmanaged<Transfer>.fromOpaque($0).takeUnretainedValue() }
    }

    func appendHeader(_ line: String) {
        guard let list = unsafe curl_slist_append(headerList, line) else { fatalError("out of memory") }
        unsafe headerList = list
    }
    /// Whatever libcurl's cache has for that name.
    func useAddresses(_ addresses: [String], of target: Target) {
        let texts = addresses.map { $0.contains(":") ? "[\($0)]" : $0 }
        let entry = "\(target.host):\(target.port):\(texts.joined(separator: ","))"
        guard let list = unsafe curl_slist_append(nil, entry) else { fatalError("out of memory") }
        unsafe addressList = list
        unsafe check(ccurl_set_list(handle, CURLOPT_RESOLVE, list), CURLOPT_RESOLVE)
    }
    func useHeaders() { unsafe check(ccurl_set_list(handle, CURLOPT_HTTPHEADER, headerList), CURLOPT_HTTPHEADER) }
}

// MARK: Options and results, one entry point per kind of value

extension Transfer {
    func set(_ option: CURLoption, _ value: Int) { unsafe check(ccurl_set_long(handle, option, value), option) }
    func set(_ option: CURLoption, _ value: String?) {
        guard let value else { return unsafe check(ccurl_set_string(handle, option, nil), option) }
        unsafe check(ccurl_set_string(handle, option, value), option)
    }
    func set(_ option: CURLoption, _ value: UnsafeMutableRawPointer?) {
        unsafe check(ccurl_set_pointer(handle, option, value), option)
    }
    /// libcurl makes its own copy.
    func set(body: [UInt8]) {
        unsafe check(
            ccurl_set_offset(handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count)), CURLOPT_POSTFIELDSIZE_LARGE)
        unsafe body.withUnsafeBytes { bytes in
            unsafe check(ccurl_set_bytes(handle, CURLOPT_COPYPOSTFIELDS, bytes.baseAddress), CURLOPT_COPYPOSTFIELDS)
        }
    }

    /// What is set has been checked before, so a refusal means a libcurl without what we were built for.
    func check(_ code: CURLcode, _ option: CURLoption) {
        precondition(code == CURLE_OK, "libcurl refuses option \(option.rawValue) (curl \(code.rawValue))")
    }

    func long(_ info: CURLINFO) -> Int {
        var value = 0
        return unsafe ccurl_get_long(handle, info, &value) == CURLE_OK ? value : 0
    }
    func time(_ info: CURLINFO) -> Duration {
        var microseconds: curl_off_t = 0
        return unsafe ccurl_get_offset(handle, info, &microseconds) == CURLE_OK ? .microseconds(microseconds) : .zero
    }
}
