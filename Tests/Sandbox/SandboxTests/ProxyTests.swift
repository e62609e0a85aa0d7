import Glibc
import JSON
import Platform
import TestSupport
import Testing

/// Balancers and elastic addresses, which carry bytes.
struct ProxyTests {
    /// A sandbox with a front whose targets listen at `port`, on 127.0.0.1 in place of an instance's own address.
    private func make(
        _ kind: String, to port: UInt16, _ flags: [String: String] = [:]
    ) throws -> (SandboxProcess, front: UInt16) {
        let front = try unusedLoopbackPort()
        let all = flags.merging(["--\(kind)": "web=127.0.0.1:\(front)/\(port)"]) { $1 }
        return (try SandboxProcess(all), front)
    }

    /// One call of ELB or EC2, signed by curl.
    private func call(_ sandbox: SandboxProcess, _ service: String, _ form: String) throws -> String {
        let keys = SandboxProcess.keys
        let user = "\(keys["AWS_ACCESS_KEY_ID"] ?? ""):\(keys["AWS_SECRET_ACCESS_KEY"] ?? "")"
        let outcome = try ChildProcess(
            "/usr/bin/curl",
            [
                "--silent", "--show-error", "--fail-with-body", "--aws-sigv4", "aws:amz:us-east-1:\(service)", "--user",
                user, "--data", form, "\(sandbox.url)/",
            ]
        ).waitForEnd()
        guard outcome.end == .exited(0) else { throw TestSupportError("\(form): \(outcome.output)\(outcome.errors)") }
        return outcome.output
    }

    private func group(_ sandbox: SandboxProcess) throws -> String {
        let balancers = try sandbox.ordered("status").required("balancers").array()
        return try #require(balancers.map { try $0.object().required("id").string() }.first)
    }

    private func target(_ sandbox: SandboxProcess, _ action: String, _ id: String) throws {
        let arn = try group(sandbox)
        _ = try call(
            sandbox, "elasticloadbalancing", "Action=\(action)&TargetGroupArn=\(arn)&Targets.member.1.Id=\(id)")
    }

    /// Hears it to its end. Borrowed, so that it is open until then.
    private func expect(_ bytes: [UInt8], from connection: borrowing FileDescriptor) throws {
        let heard = try receiveAll(from: connection.number)
        #expect(heard == bytes)
    }

    /// It breaks, which is another thing than its end.
    private func expectCut(_ connection: borrowing FileDescriptor) throws {
        let number = connection.number
        let error = #expect(throws: TestSupportError.self) { try receiveAll(from: number) }
        #expect(error?.description.contains("connection reset") == true)
    }

    private func health(_ sandbox: SandboxProcess) throws -> [String] {
        try sandbox.ordered("targets").required("targets").array().map { try $0.object().required("health").string() }
    }

    @Test func `a balancer carries bytes both ways, each side's end by itself, to healthy targets alone`() throws {
        let server = try LoopbackListener()
        let (sandbox, front) = try make("balancer", to: server.port)
        // Before there is a target, nobody is let through.
        let refused = try connect(toPort: front)
        try expectCut(refused)
        try target(sandbox, "RegisterTargets", "127.0.0.1")
        // The two probes that make it healthy are closed without a word.
        for _ in 0..<2 {
            let probe = try server.accept()
            try expect([], from: probe)
        }
        try eventually("it is healthy") { try health(sandbox) == ["healthy"] }

        let client = try connect(toPort: front)
        let question = [UInt8](repeating: 7, count: 300_000)
        let carried = try DedicatedThread(name: "client") { [number = client.number] in
            try? sendAll(question, to: number)
            shutdown(number, Int32(SHUT_WR))
        }
        let accepted = try acceptTraffic(server)
        try expect(question, from: accepted)
        carried.join()
        // It has heard the end of the question, and answers all the same.
        try sendAll(Array("answer".utf8), to: accepted.number)
        shutdown(accepted.number, Int32(SHUT_WR))
        try expect(Array("answer".utf8), from: client)
    }

    /// The next connection that is no probe: those end without a byte.
    private func acceptTraffic(_ server: borrowing LoopbackListener) throws -> FileDescriptor {
        while true {
            let accepted = try server.accept()
            var byte: UInt8 = 0
            let number = accepted.number
            if unsafe recv(number, &byte, 1, Int32(MSG_PEEK)) == 1 { return accepted }
        }
    }

    @Test func `a target that is taken out keeps its connections for a while, and no longer`() throws {
        let server = try LoopbackListener()
        let (sandbox, front) = try make("balancer", to: server.port, ["--drain-seconds": "1.5"])
        try target(sandbox, "RegisterTargets", "127.0.0.1")
        try eventually("it is healthy") { try health(sandbox) == ["healthy"] }
        let client = try connect(toPort: front)
        try sendAll([1], to: client.number)
        let accepted = try acceptTraffic(server)
        try target(sandbox, "DeregisterTargets", "127.0.0.1")
        #expect(try health(sandbox) == ["draining"])
        try sendAll([2], to: accepted.number)
        #expect(try receiveSome(from: client.number) == [2])
        // New ones are not let through, and when the time is over this one is cut.
        let late = try connect(toPort: front)
        try expectCut(late)
        try expectCut(client)
        #expect(try health(sandbox) == [])
    }

    @Test func `a target without connections is out at once`() throws {
        let server = try LoopbackListener()
        let (sandbox, _) = try make("balancer", to: server.port, ["--drain-seconds": "600"])
        try target(sandbox, "RegisterTargets", "127.0.0.1")
        try eventually("it is healthy") { try health(sandbox) == ["healthy"] }
        try target(sandbox, "DeregisterTargets", "127.0.0.1")
        #expect(try health(sandbox) == [])
    }

    @Test func `an address goes with its instance, and its connections do not`() throws {
        let port = try unusedLoopbackPort()
        let say =
            "import os, socketserver as s; h = type('H', (s.StreamRequestHandler,), "
            + "{'handle': lambda h: (h.wfile.write(os.environ['SANDBOX_ADDRESS'].encode()), h.rfile.read())}); "
            + "s.ThreadingTCPServer.allow_reuse_address = True; "
            + "s.ThreadingTCPServer((os.environ['SANDBOX_ADDRESS'], \(port)), h).serve_forever()"
        let boot = "exec /usr/bin/python3 -c \"\(say)\""
        let (sandbox, front) = try make("address", to: port, ["--boot": boot])
        let addresses = try sandbox.ordered("status").required("addresses").array()
        let allocation = try #require(addresses.map { try $0.object().required("id").string() }.first)
        let machines = try (0..<2).map { _ in try sandbox.ordered("launch") }
        var before: FileDescriptor?
        for machine in machines {
            let (id, own) = (try machine.required("id").string(), try machine.required("address").string())
            try eventually("\(own) listens") { (try? connect(toPort: port, of: own)) != nil }
            let form = "Action=AssociateAddress&AllocationId=\(allocation)&InstanceId=\(id)&AllowReassociation=true"
            _ = try call(sandbox, "ec2", form)
            if let old = before.take() { try expectCut(old) }
            let client = try connect(toPort: front)
            let number = client.number
            #expect(try receiveSome(from: number) == Array(own.utf8))
            before = consume client
        }
    }
}
