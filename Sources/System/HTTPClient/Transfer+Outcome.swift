import CCurl
import Glibc
import Platform

extension Transfer {
    /// What the transfer came to, after `total`.
    func outcome(_ code: CURLcode, total: Duration) -> Result<IncomingResponse, TransportError> {
        guard code == CURLE_OK else { return .failure(failure(code)) }
        return .success(
            IncomingResponse(
                status: long(CURLINFO_RESPONSE_CODE), headers: answer.headers, body: answer.body,
                timings: Timings(
                    nameLookup: time(CURLINFO_NAMELOOKUP_TIME_T), connect: time(CURLINFO_CONNECT_TIME_T),
                    tls: time(CURLINFO_APPCONNECT_TIME_T), firstByte: time(CURLINFO_STARTTRANSFER_TIME_T),
                    total: total),
                connectionReused: long(CURLINFO_NUM_CONNECTS) == 0))
    }

    /// Where the time went, for a request that is cut off now.
    var stage: String {
        let peer = peer ?? "the host"
        if answer.headerBytes > 0 { return "reading the answer" }
        if wasSent { return "waiting for the answer" }
        guard let socket else { return "waiting for a connection" }
        // libcurl reports the time of the connection only once TLS is done as well, so the socket itself is asked.
        return isSecure && hasPeer(socket) ? "in the TLS handshake with \(peer)" : "connecting to \(peer)"
    }

    var wasSent: Bool { time(CURLINFO_PRETRANSFER_TIME_T) > .zero }

    func failure(_ code: CURLcode) -> TransportError {
        if let refusal { return TransportError(.resources, refusal) }
        let detail = errorText.isEmpty ? unsafe String(cString: curl_easy_strerror(code)) : errorText
        let why = "\(detail) (curl \(code.rawValue))"
        switch code {
        case CURLE_OPERATION_TIMEDOUT:
            return TransportError(.deadlinePassed, "the deadline passed while \(stage)", wasSent: wasSent)
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY:
            return TransportError(.resolve, "look up the name: \(why)")
        case CURLE_COULDNT_CONNECT:
            let cause = long(CURLINFO_OS_ERRNO)
            return TransportError(
                .connect, "connect to \(peer ?? "the host"): \(cause == 0 ? why : describe(errno: Int32(cause)))")
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_ISSUER_ERROR:
            return TransportError(.untrustedPeer, "verify the certificate of \(peer ?? "the host"): \(why)")
        case CURLE_SSL_CACERT_BADFILE:
            return TransportError(.badCAFile, "load the CA file: \(why)")
        case CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CIPHER, CURLE_SSL_ENGINE_INITFAILED, CURLE_USE_SSL_FAILED:
            return TransportError(.tls, "TLS handshake with \(peer ?? "the host"): \(why)")
        case CURLE_WRITE_ERROR where answer.excess != nil:
            return TransportError(.tooLarge, "read the answer: \(answer.excess ?? "")")
        case CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_PARTIAL_FILE:
            return TransportError(.connectionLost, "\(stage): \(why)")
        case CURLE_OUT_OF_MEMORY:
            return TransportError(.resources, "carry the request: \(why)")
        default:
            return TransportError(.protocolError, "read the answer: \(why)")
        }
    }
}

private func hasPeer(_ socket: Int32) -> Bool {
    var address = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    return unsafe withUnsafeMutablePointer(to: &address) { address in
        unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            unsafe getpeername(socket, $0, &length) == 0
        }
    }
}
