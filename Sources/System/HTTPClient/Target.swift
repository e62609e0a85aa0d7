private import CCurl
import Glibc

/// Where a request goes, taken apart by libcurl's own parser so that both agree on what the host is.
struct Target {
    let scheme: String
    let host: String
    let port: String
    let path: String
    let hasQuery: Bool

    /// Longest URL accepted; common servers refuse a request line beyond 8 KiB.
    static let lengthLimit = 8 * 1024

    init(_ url: String) throws(TransportError) {
        func invalid(_ why: String) -> TransportError { TransportError(.invalidRequest, "parse URL: \(why)") }
        guard url.utf8.count <= Self.lengthLimit else { throw invalid("longer than \(Self.lengthLimit) bytes") }
        guard url.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
            throw invalid("it has a space or a control character")
        }
        guard let parts = unsafe curl_url() else { throw TransportError(.resources, "parse URL: out of memory") }
        defer { unsafe curl_url_cleanup(parts) }
        guard unsafe curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK else { throw invalid("not a URL") }
        func part(_ which: CURLUPart, _ flags: Int32 = 0) -> String? {
            var text: UnsafeMutablePointer<CChar>?
            guard unsafe curl_url_get(parts, which, &text, UInt32(flags)) == CURLUE_OK, let text = unsafe text else {
                return nil
            }
            defer { unsafe curl_free(text) }
            return unsafe String(cString: text)
        }
        guard let scheme = part(CURLUPART_SCHEME), scheme == "http" || scheme == "https" else {
            throw invalid("the scheme is neither http nor https")
        }
        guard let host = part(CURLUPART_HOST), let port = part(CURLUPART_PORT, CURLU_DEFAULT_PORT) else {
            throw invalid("it has no host")
        }
        self.scheme = scheme
        self.host = host.lowercased()
        self.port = port
        path = part(CURLUPART_PATH) ?? "/"
        hasQuery = part(CURLUPART_QUERY) != nil
    }

    var origin: String { "\(scheme)://\(host):\(port)" }

    /// Fit for a log: secrets travel in the user part and in the query.
    var display: String {
        let isDefaultPort = port == (scheme == "http" ? "80" : "443")
        return "\(scheme)://\(host)\(isDefaultPort ? "" : ":" + port)\(path)"
    }

    /// An address needs no name server. libcurl also answers for `localhost` itself.
    var needsNoLookup: Bool {
        if host.hasPrefix("[") || host == "localhost" { return true }
        var address = in_addr()
        return unsafe inet_pton(AF_INET, host, &address) == 1
    }
}
