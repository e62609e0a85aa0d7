import Glibc
import Platform
import TestSupport
import Testing

@testable import HTTPServer

extension Everything {
    @Suite struct StartTests {
        private func start(_ address: ListenerAddress, tls: TLSIdentity? = nil) throws -> Listener {
            var options = ListenerOptions(address: address, surroundings: SystemSurroundings())
            options.tls = tls
            return try Listener(options, handler: echo)
        }

        private func failure(_ body: () throws -> Void) throws -> HTTPServerError {
            try #require(throws: HTTPServerError.self, performing: body)
        }

        @Test func `an address in use is named, with the reason`() throws {
            let first = try start(.address("127.0.0.1", port: 0))
            let port = try known(first.port)
            let error = try failure { _ = try start(.address("127.0.0.1", port: port)) }
            #expect(error.code == .addressInUse)
            #expect(error.description == "listen on 127.0.0.1:\(port): address already in use (errno 98)")
        }

        @Test(arguments: [
            ("localhost", "listen on localhost: not an IPv4 or IPv6 address"),
            ("192.0.2.1", "listen on 192.0.2.1:0: cannot assign requested address (errno 99)"),
        ])
        func `an address that is not ours is refused`(host: String, description: String) throws {
            let error = try failure { _ = try start(.address(host, port: 0)) }
            #expect(error.code == .address)
            #expect(error.description == description)
        }

        @Test func `a socket that does not listen is refused`() throws {
            let bell = try Bell()
            let error = try failure { _ = try start(.socket(bell.descriptor)) }
            #expect(error.code == .address)
            #expect(error.description == "take over listening socket \(bell.descriptor): it does not listen")
        }

        @Test func `too few descriptors are an error, not a listener that refuses everybody`() throws {
            let error = try failure { _ = try Listener.connectionLimit(wanted: 10, descriptors: 64, workers: 2) }
            #expect(error.code == .descriptors)
        }

        @Test func `a lent socket is served and stays open`() throws {
            let lent = try LoopbackListener()
            let listener = try start(.socket(lent.descriptor.number))
            #expect(listener.port == lent.port)
            let client = try TestClient(port: lent.port)
            try client.send(makePost("through a lent socket"))
            #expect(try client.response().text == "through a lent socket")
            listener.stop(within: .seconds(1))
            let waiting = try TestClient(port: lent.port)
            let successor = try start(.socket(lent.descriptor.number))
            try waiting.send(makePost("served by the successor"))
            #expect(try waiting.response().text == "served by the successor")
            successor.stop(within: .seconds(1))
        }

        @Test func `a stopped listener frees its port`() throws {
            let first = try start(.address("127.0.0.1", port: 0))
            let port = try known(first.port)
            first.stop(within: .zero)
            let second = try start(.address("127.0.0.1", port: port))
            #expect(second.port == port)
        }

        @Test func `IPv6 is served`() throws {
            let seen = Awaited<PeerAddress>("the peer")
            let options = ListenerOptions(address: .address("::1", port: 0), surroundings: SystemSurroundings())
            let listener = try Listener(options) { request, exchange in
                seen.set(request.peer)
                echo(request, exchange)
            }
            let output = try run(["curl", "-sS", "-d", "six", "http://[::1]:\(try known(listener.port))/"])
            #expect(output == "six")
            #expect(try seen.get().text == "::1" && seen.get().isLoopback)
        }

        @Test func `a listener starts and stops without leaving descriptors or threads`() throws {
            try start(.address("127.0.0.1", port: 0)).stop(within: .zero)
            let before = try openDescriptorCount()
            for _ in 0..<20 { try start(.address("127.0.0.1", port: 0)).stop(within: .zero) }
            #expect(try openDescriptorCount() <= before)
        }
    }
}

extension Everything {
    @Suite struct TLSTests {
        private func withIdentity(_ body: (TLSIdentity) throws -> Void) throws {
            try withTemporaryFolder { folder in
                _ = try run([
                    "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2",
                    "-subj", "/CN=localhost", "-keyout", "\(folder)/key.pem", "-out", "\(folder)/cert.pem",
                ])
                try body(TLSIdentity(certificate: read("\(folder)/cert.pem"), key: read("\(folder)/key.pem")))
            }
        }

        private func read(_ path: String) throws -> String {
            String(decoding: try readSmallFile(path, limit: 1 << 16), as: UTF8.self)
        }

        @Test func `requests and parked requests go over TLS`() throws {
            try withIdentity { identity in
                try withListener(
                    { $0.tls = identity },
                    handler: { request, exchange in
                        exchange.park(for: .milliseconds(100)) {
                            Response(status: 200, text: "tls \(request.isTLS)")
                        }
                    }
                ) { listener in
                    let url = "https://127.0.0.1:\(try known(listener.port))/"
                    #expect(try run(["curl", "-sSk", "--tlsv1.2", "--tls-max", "1.2", url]) == "tls true")
                    #expect(try run(["curl", "-sSk", "--tlsv1.3", url]) == "tls true")
                }
            }
        }

        @Test func `TLS 1_1 is refused`() throws {
            try withIdentity { identity in
                try withListener({ $0.tls = identity }, handler: echo) { listener in
                    _ = #expect(throws: TestSupportError.self) {
                        try run([
                            "curl", "-sk", "--tls-max", "1.1", "--ciphers", "ALL:@SECLEVEL=0",
                            "https://127.0.0.1:\(try known(listener.port))/",
                        ])
                    }
                }
            }
        }

        @Test func `a key of another certificate is an error at the start`() throws {
            try withIdentity { first in
                try withIdentity { second in
                    var options = ListenerOptions(
                        address: .address("127.0.0.1", port: 0), surroundings: SystemSurroundings())
                    options.tls = TLSIdentity(certificate: first.certificate, key: second.key)
                    let error = #expect(throws: HTTPServerError.self) { _ = try Listener(options, handler: echo) }
                    #expect(error?.code == .tls)
                }
            }
        }

        @Test func `text that is no certificate is an error at the start`() throws {
            var options = ListenerOptions(address: .address("127.0.0.1", port: 0), surroundings: SystemSurroundings())
            options.tls = TLSIdentity(certificate: "not a certificate", key: "not a key")
            let error = #expect(throws: HTTPServerError.self) { _ = try Listener(options, handler: echo) }
            #expect(error?.code == .tls)
            #expect(error?.description.hasPrefix("start the HTTP library: ") == true)
        }

        @Test func `a client that does not finish its handshake is cut off`() throws {
            try withIdentity { identity in
                try withListener(
                    {
                        $0.tls = identity
                        $0.limits.headerTime = .milliseconds(200)
                    }, handler: echo
                ) { listener in
                    try TestClient(port: listener.port).awaitClose()
                    #expect(listener.counters.cutOff == 1)
                }
            }
        }
    }
}

/// What a program prints; throws when it does not end well.
@discardableResult
private func run(_ command: [String]) throws -> String {
    let line = command.map { "'\($0)'" }.joined(separator: " ")
    guard let pipe = unsafe popen("\(line) 2>/dev/null", "re") else { throw TestSupportError("run \(line)") }
    var output: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4_096)
    while true {
        let count = unsafe fread(&buffer, 1, buffer.count, pipe)
        if count == 0 { break }
        output += buffer[..<count]
    }
    let status = unsafe pclose(pipe)
    guard status == 0 else { throw TestSupportError("\(line) ended with \(status >> 8)") }
    return String(decoding: output, as: UTF8.self)
}
