/// What all requests of one `Transport` have in common.
package struct TransportOptions: Sendable {
    package enum Proxy: Sendable {
        /// Straight to the host, whatever the environment says. A link-local metadata service must never be asked
        /// through a proxy.
        case none
        /// As `http_proxy`, `https_proxy` and `no_proxy` say.
        case fromEnvironment
    }

    /// Only these authorities are trusted; nil trusts the system's.
    package var caFile: String?
    package var proxy: Proxy = .none
    package var userAgent: String

    /// Requests under way at once, those that wait for a connection or a name included. One more is answered `busy`.
    /// 256 is four times the connections: enough for a burst, and at most a few megabytes of handles.
    package var maxRequests = 256
    /// Open connections, idle ones included. Requests beyond that wait for one.
    package var maxConnections = 64
    /// The same for one host, so that a slow one cannot take them all.
    package var maxConnectionsPerHost = 16
    /// A kept-alive connection that idled longer is not used again: load balancers and NAT gateways forget about it
    /// at 60 s (ELB) to 350 s (NAT).
    package var idleConnectionAge: Duration = .seconds(50)
    /// Names looked up at once. Each lookup is a thread that ends when the resolver gives up, which with a dead name
    /// server takes 10 s and more, so this is the bound on such threads. Requests for other names wait for a place.
    package var maxLookups = 4
    /// A host's address is used for as long as there is no newer one, and looked up anew when a connection is made so long
    /// after it was. Not where a proxy may be in between: what is looked up there is the proxy, for libcurl's own minute.
    package var nameAge: Duration = .seconds(60)
    /// All header lines of one answer together, interim answers and trailers included. Servers commonly refuse to
    /// send more than 8 to 64 KiB themselves.
    package var responseHeaderLimit = 64 * 1024

    package init(userAgent: String, caFile: String? = nil) {
        self.userAgent = userAgent
        self.caFile = caFile
    }
}
