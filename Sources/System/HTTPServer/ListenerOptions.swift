package import Platform

/// What a listener is told at its start and keeps to until its end.
package struct ListenerOptions: Sendable {
    package var address: ListenerAddress
    /// Threads that parse, run handlers and answer. Each keeps its own list of parked requests, and waking one request
    /// walks that list, behind what its worker has to do just then: many workers make a wake-up cheaper, and its wait shorter.
    package var workers = 16
    package var limits = ListenerLimits()
    package var tls: TLSIdentity?
    /// How many bytes of body a request may have, asked when its header is complete (its `body` is still empty). Nil:
    /// `limits.bodyBytes` for all. Called on a worker; must not wait.
    package var bodyLimit: (@Sendable (Request) -> Int)?
    /// Makes the answers that the server has to give by itself. The connection is closed after each, so they are small,
    /// and one of status 503 should say in `Retry-After` when to come again. Called on a worker, or for 503 and 408 on the
    /// thread that accepts, with no lock held; must not wait.
    package var refusal: @Sendable (Refusal) -> Response = { $0.plainText }
    package var surroundings: any Surroundings

    package init(address: ListenerAddress, surroundings: any Surroundings) {
        self.address = address
        self.surroundings = surroundings
    }
}

/// Where a listener gets its connections from.
package enum ListenerAddress: Sendable, Equatable {
    /// An IPv4 or IPv6 address in text, no name: looking a name up would wait for the network. Port 0: the kernel chooses.
    case address(String, port: UInt16)
    /// A socket that listens already, as systemd hands it over. It stays the caller's: the listener never closes it, and
    /// what arrives after `stop` waits in its queue for the next process.
    case socket(Int32)
}

/// The bounds of one listener. Each has a reason and says what happens there.
package struct ListenerLimits: Sendable, Equatable {
    /// A request with a longer body is answered 413. One report of an agent is under 100 KB.
    package var bodyBytes = 1 << 20
    /// Request line and header together; longer ones are answered 431, an address too long for it 414. It is memory that
    /// every open connection holds for as long as it is parked.
    package var headerBytes = 4_096
    /// Connections beyond it are accepted, answered 503 (not over TLS, where an answer would take a handshake) and closed
    /// at once, so that their clients know. The limit on open descriptors lowers it: see `Listener.connectionLimit`.
    package var connections = 16_384
    /// Connections of one address; 0 means no bound, which fits agents that share one NAT gateway. One more is closed at
    /// once.
    package var connectionsPerAddress = 0
    /// From the accept, or from the request line, to the end of the header. Cut off after it, with 408 if there was a
    /// request line and no TLS.
    package var headerTime = Duration.seconds(10)
    /// From the end of the header to the end of the body. Cut off after it, with 408 if there is no TLS.
    package var bodyTime = Duration.seconds(30)
    /// From the answer to the client's last byte of it; a stream has as long for each piece. Cut off after it.
    package var answerTime = Duration.seconds(60)
    /// From an answer to the next request line. Longer than load balancers keep an idle connection (60 s), because the
    /// side that closes first must be theirs.
    package var idleTime = Duration.seconds(75)
    /// Requests parked at once; one more gets its fallback at once.
    package var parked = 16_384
    /// Nobody parks longer: a client that vanished while parked is only noticed when it is answered.
    package var parkTime = Duration.seconds(60)
    /// Open streams at once; each is a person with a page open.
    package var streams = 256
    /// What a stream keeps for a client that reads too slowly; beyond it `write` answers `.full`.
    package var streamBytes = 64 << 10

    package init() {}
}

/// Who a listener is to its clients. A new certificate takes effect with the next listener.
package struct TLSIdentity: Sendable {
    /// PEM text, the chain after the certificate itself.
    package var certificate: String
    /// PEM text, not encrypted.
    package var key: String

    package init(certificate: String, key: String) {
        self.certificate = certificate
        self.key = key
    }
}
