import JSON
import TestSupport
import Testing

/// What an operator types.
struct CommandLineTests {
    static let subcommands = [
        "serve", "instances", "launch", "notice", "rebalance", "maintenance", "lifecycle", "terminate", "cancel",
        "register", "deregister", "fault", "faults", "mend", "targets", "status", "page",
    ]

    @Test(arguments: subcommands) func `each sub-command explains itself`(name: String) throws {
        let outcome = try ChildProcess(builtProgram("spot-sandbox"), [name, "--help"]).waitForEnd()
        #expect(outcome.end == .exited(0))
        #expect(outcome.output.contains("Usage: spot-sandbox \(name)"))
    }

    @Test func `the help names every sub-command, and what it is not`() throws {
        let outcome = try ChildProcess(builtProgram("spot-sandbox"), ["--help"]).waitForEnd()
        for name in Self.subcommands { #expect(outcome.output.contains("\n  \(name) "), "\(name)") }
        #expect(outcome.output.contains("NOT AWS"))
    }

    @Test func `an instance is called by its name, and everything can be ordered for it`() throws {
        let sandbox = try SandboxProcess()
        let launched = try sandbox.order("launch", "--name", "web-1", "--zone", "us-east-1b", "--type", "c5.xlarge")
        #expect(launched.end == .exited(0) && launched.output.contains("c5.xlarge"))
        for order in ["notice", "rebalance", "maintenance"] {
            #expect(try sandbox.order(order, "web-1").end == .exited(0), "\(order)")
        }
        let list = try sandbox.order("instances").output
        #expect(list.contains("web-1") && list.contains("terminate"))
        #expect(try sandbox.order("lifecycle", "web-1", "Terminated").end == .exited(0))
        #expect(try sandbox.order("cancel", "web-1").end == .exited(0))
        #expect(try sandbox.order("terminate", "web-1", "--at-once").end == .exited(0))
        let state = try #require(sandbox.instances().first).required("state").string()
        #expect(state == "terminated")
    }

    @Test func `faults are shown, and mended`() throws {
        let sandbox = try SandboxProcess()
        #expect(try sandbox.order("faults").output == "nothing goes wrong\n")
        _ = try sandbox.order("fault", "RunInstances", "error", "InsufficientInstanceCapacity", "--count", "2")
        #expect(try sandbox.order("faults").output.contains("error InsufficientInstanceCapacity"))
        #expect(try sandbox.order("mend").output == "nothing goes wrong\n")
    }

    @Test func `the status says what a program needs`() throws {
        let sandbox = try SandboxProcess(["--volume": "data=us-east-1a"])
        let output = try sandbox.order("status").output
        #expect(output.hasPrefix("This is not AWS.\n"))
        #expect(output.contains("AWS_ENDPOINT_URL=\(sandbox.url)\n"))
        #expect(output.contains("AWS_REGION=us-east-1\n"))
        #expect(output.contains("vol-5a4db0"))
    }

    @Test func `what is refused, mistyped or not there has a status and a sentence`() throws {
        let sandbox = try SandboxProcess()
        let refused = try sandbox.order("notice", "nobody")
        #expect(refused.end == .exited(1))
        #expect(refused.errors == "spot-sandbox: there is no instance nobody: spot-sandbox instances lists them\n")
        #expect(try sandbox.order("notice").end == .exited(64))
        #expect(try sandbox.order("noitce", "x").errors.contains("perhaps notice is meant"))
        #expect(try sandbox.order("fault", "RunInstnaces", "drop").errors.contains("RunInstances"))
        #expect(try sandbox.order("launch", "--name", "a/b").end == .exited(1))
        let nowhere = "http://127.0.0.1:\(try unusedLoopbackPort())"
        let alone = try sandbox.order("instances", "--sandbox", nowhere)
        #expect(alone.end == .exited(69) && alone.errors.contains("spot-sandbox serve"))
    }
}
