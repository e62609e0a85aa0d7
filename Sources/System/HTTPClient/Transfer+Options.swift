import CCurl
import Platform

extension Transfer {
    /// Makes the transfer ready to carry `request`, with `timeLeft` to its deadline.
    func prepare(_ request: OutgoingRequest, to target: Target, timeLeft: Duration, options: TransportOptions) {
        prepare(url: request.url, options: options)
        // A proxy's name may need a lookup although the host's does not.
        isSecure = target.scheme == "https"
        mayLookUp = target.needsNoLookup && options.proxy == .none
        // The deadline is the transport's, and comes first. libcurl must know of it to share the time among the addresses
        // of a host (decision 0002 says how far that goes).
        set(CURLOPT_CONNECTTIMEOUT_MS, max(1, timeLeft.milliseconds) + 50)
        answer = ResponseCollector(headerLimit: options.responseHeaderLimit, bodyLimit: request.responseLimit)
        prepareMethod(request)
        prepareHeaders(request)
        if let signing = request.signing { sign(with: signing) }
        installRequestCallbacks()
    }

    /// Looks up the name, for its addresses, or, where it is a proxy's, into the cache of its `Connections`; the connection
    /// itself is refused by our own socket callback. Not bounded in time: it ends when its thread does, so that counting
    /// lookups counts threads.
    func prepareLookup(of origin: String, options: TransportOptions) {
        prepare(url: origin + "/", options: options)
        kind = .lookup
        mayLookUp = true
        set(CURLOPT_CONNECTTIMEOUT_MS, 24 * 3600 * 1000)
        set(CURLOPT_FRESH_CONNECT, 1)
        // What the cache has is what is to be renewed.
        if options.proxy == .none { set(CURLOPT_DNS_CACHE_TIMEOUT, 0) }
    }

    private func prepare(url: String, options: TransportOptions) {
        reset()
        set(CURLOPT_URL, url)
        set(CURLOPT_NOSIGNAL, 1)
        // Without it, leaving while a name is looked up waits for the thread: 9.5 s with a dead name server.
        set(CURLOPT_QUICK_EXIT, 1)
        set(CURLOPT_PROTOCOLS_STR, "http,https")
        set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
        if options.proxy == .none { set(CURLOPT_PROXY, "") }
        set(CURLOPT_USERAGENT, options.userAgent)
        set(CURLOPT_MAXAGE_CONN, max(1, options.idleConnectionAge.milliseconds / 1000))
        // A peer that vanished during a long wait for its answer is noticed after some 45 s.
        set(CURLOPT_TCP_KEEPALIVE, 1)
        set(CURLOPT_TCP_KEEPIDLE, 15)
        set(CURLOPT_TCP_KEEPINTVL, 10)
        prepareTrust(options)
        installConnectionCallbacks()
    }

    private func prepareTrust(_ options: TransportOptions) {
        set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        set(CURLOPT_SSL_VERIFYPEER, 1)
        set(CURLOPT_SSL_VERIFYHOST, 2)
        // libcurl keeps the parsed authorities for a day; a replaced file should count sooner.
        set(CURLOPT_CA_CACHE_TIMEOUT, 600)
        guard let file = options.caFile ?? systemAuthorities else { return }
        set(CURLOPT_CAINFO, file)
        // Debian's libcurl would trust the system's folder of authorities beside the file, and with a folder it keeps nothing:
        // each connection would parse the file anew, which takes 25 ms, and hold a megabyte.
        set(CURLOPT_CAPATH, nil as String?)
    }

    private func prepareMethod(_ request: OutgoingRequest) {
        switch request.method {
        case .get where request.body.isEmpty: set(CURLOPT_HTTPGET, 1)
        case .head: set(CURLOPT_NOBODY, 1)
        case .delete where request.body.isEmpty: set(CURLOPT_CUSTOMREQUEST, request.method.rawValue)
        case .get, .post, .put, .patch, .delete:
            set(CURLOPT_POST, 1)
            set(body: request.body)
            set(CURLOPT_CUSTOMREQUEST, request.method.rawValue)
        }
    }

    private func prepareHeaders(_ request: OutgoingRequest) {
        let fields = request.signedHeaders
        // An empty value is written with a semicolon; a bare colon takes away a header that libcurl would add.
        for field in fields { appendHeader(field.value.isEmpty ? "\(field.name);" : "\(field.name): \(field.value)") }
        // `Content-Type` would be libcurl's guess; `Expect` costs a round trip, or a second where the server does not
        // know it. Under a signature they stay: libcurl 7.88 signs the header that it was told to leave out.
        if request.signing == nil {
            let names = Set(fields.map { $0.name.lowercased() })
            for name in ["Content-Type", "Expect"] where !names.contains(name.lowercased()) { appendHeader("\(name):") }
        }
        useHeaders()
    }

    private func sign(with credentials: SigV4Credentials) {
        set(CURLOPT_AWS_SIGV4, "aws:amz:\(credentials.region):\(credentials.service)")
        set(CURLOPT_USERNAME, credentials.accessKey)
        set(CURLOPT_PASSWORD, credentials.secretKey)
    }
}

/// The file that libcurl was built to trust; nil where there is none, and its folder, if anything, has the authorities.
private let systemAuthorities: String? = {
    // Older ones have no such field.
    guard let version = unsafe curl_version_info(CURLVERSION_SEVENTH),
        unsafe version.pointee.age.rawValue >= CURLVERSION_SEVENTH.rawValue, let path = unsafe version.pointee.cainfo
    else { return nil }
    let file = unsafe String(cString: path)
    return fileExists(file) ? file : nil
}()

extension Duration {
    /// Rounded up: a wait that is a little long is checked again, one that is too short is a busy loop.
    var milliseconds: Int {
        let parts = components
        return Int(parts.seconds) * 1000 + Int((parts.attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}
