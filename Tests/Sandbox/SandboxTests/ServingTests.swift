import Glibc
import JSON
import Platform
import TestSupport
import Testing

/// The program, asked over loopback as anybody asks it.
struct ServingTests {
    private func client(_ sandbox: SandboxProcess, _ instance: JSONObject) throws -> PlainClient {
        try PlainClient(port: sandbox.port, host: instance.required("address").string())
    }

    private func token(_ client: PlainClient, seconds: Int = 60) throws -> String {
        let field = "X-aws-ec2-metadata-token-ttl-seconds: \(seconds)"
        let reply = try client.ask("PUT", "/latest/api/token", headers: [field])
        guard reply.status == 200 else { throw TestSupportError("\(reply.status) \(reply.text)") }
        return reply.text
    }

    @Test func `each instance has a metadata service at an address of its own`() throws {
        let sandbox = try SandboxProcess()
        let machines = try (0..<2).map { _ in try sandbox.ordered("launch") }
        for machine in machines {
            let client = try client(sandbox, machine)
            #expect(try client.ask("GET", "/latest/meta-data/instance-id").status == 401)
            let field = try "X-aws-ec2-metadata-token: \(token(client))"
            let reply = try client.ask("GET", "/latest/meta-data/instance-id", headers: [field])
            #expect(try reply.text == machine.required("id").string())
            #expect(reply.head.contains("Server: spot-sandbox (not AWS)"))
            #expect(try client.ask("GET", "/latest/meta-data/spot/instance-action", headers: [field]).status == 404)
        }
    }

    @Test func `whoever looks is told that it is not AWS`() throws {
        let sandbox = try SandboxProcess()
        #expect(try PlainClient(port: sandbox.port).ask("GET", "/").text.contains("NOT AWS"))
        for path in ["/", "/nothing", "/%2f"] {
            let reply = try PlainClient(port: sandbox.port).ask("GET", path)
            #expect(reply.head.contains("Server: spot-sandbox (not AWS)"), "\(path)")
        }
        let outcome = try sandbox.stop()
        #expect(outcome.end == .exited(0))
        #expect(outcome.errors.contains("THIS IS NOT AWS"))
    }

    @Test func `a noticed machine's end begins within milliseconds of the time in its notice`() throws {
        let sandbox = try SandboxProcess(["--halt-seconds": "60"])
        let id = try sandbox.ordered("launch").required("id").string()
        let notice = try sandbox.ordered("notice", id, "--in", "1").required("notice").object()
        let time = try notice.required("time").timestamp()
        try sandbox.process.waitForText("Server.SpotInstanceTermination")
        let outcome = try sandbox.stop()
        let line = try #require(outcome.errors.split(separator: "\n").first { $0.contains("shutting-down: Server.") })
        let logged = try #require(Timestamp(rfc3339: String(line.prefix { $0 != " " })))
        #expect(logged >= time)
        #expect(logged - time < .milliseconds(250), "\(line)")
    }

    @Test func `a fault on the connection is one`() throws {
        let sandbox = try SandboxProcess()
        let machine = try sandbox.ordered("launch")
        _ = try sandbox.ordered("fault", "metadata", "drop", "--count", "1")
        let dropped = try client(sandbox, machine)
        #expect(throws: TestSupportError.self) { try dropped.ask("GET", "/latest/") }
        _ = try sandbox.ordered("fault", "metadata", "slow", "300", "--count", "1")
        let clock = SystemSurroundings()
        let start = clock.monotonic()
        #expect(try client(sandbox, machine).ask("GET", "/latest/").status == 401)
        #expect(clock.monotonic() - start >= .milliseconds(300))
        _ = try sandbox.ordered("fault", "metadata", "hang", "--count", "1")
        let hanging = try client(sandbox, machine)
        try hanging.send("GET", "/latest/")
        // Before that one is met the next to ask would hang.
        try eventually("the fault is met") { try sandbox.ordered("faults").required("faults").array().isEmpty }
        // While one hangs, others are served.
        #expect(try client(sandbox, machine).ask("GET", "/latest/").status == 401)
        #expect(throws: TestSupportError.self) { try hanging.receive(within: .milliseconds(50)) }
    }

    @Test(arguments: [
        ["--listen", "8.8.8.8:1338"], ["--listen", "127.0.0.1:0"], ["--metadata-network", "8.8.0.0/16"],
        ["--metadata-network", "10.77.0.0/16"], ["--balancer", "web=8.8.8.8:80"], ["--volume", "data=eu-west-1a"],
        ["--region", "eu-west-1", "--zones", "us-east-1a"],
        ["--balancer", "web=127.0.0.1:8088/8080,web=127.0.0.1:8089/9090"],
    ])
    func `what would be open to others, or cannot be, is not begun`(flags: [String]) throws {
        let outcome = try ChildProcess(builtProgram("spot-sandbox"), ["serve"] + flags).waitForEnd()
        #expect(outcome.end == .exited(78), "\(outcome.errors)")
        #expect(!outcome.errors.contains("THIS IS NOT AWS"))
    }

    @Test func `a place that is taken is told`() throws {
        let sandbox = try SandboxProcess()
        let flags = ["--listen", "127.0.0.1:\(sandbox.port)", "--allow-ec2", "true"]
        let outcome = try ChildProcess(builtProgram("spot-sandbox"), ["serve"] + flags).waitForEnd()
        #expect(outcome.end == .exited(69))
        #expect(outcome.errors.contains(": another place is chosen with --listen"))
    }
}
