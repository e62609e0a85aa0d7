import Glibc
package import JSON
import Platform

/// A sandbox of a test: the built program, on a port of its own. It ends with this.
package final class SandboxProcess {
    package let port: UInt16
    package let process: ChildProcess
    private var hasStopped = false
    package var url: String { "http://127.0.0.1:\(port)" }

    /// Its key is everybody's.
    package static let keys = [
        "AWS_ACCESS_KEY_ID": "AKIA5A4DB0NOTAWS0000", "AWS_SECRET_ACCESS_KEY": "sandbox-not-aws-and-not-a-secret",
    ]
    package static let image = "ami-5a4db000000000000"

    /// Instances run at once and end at once, unless `flags` say otherwise.
    package init(_ flags: [String: String] = [:]) throws {
        port = try unusedLoopbackPort()
        let quick = ["--launch-seconds": "0", "--halt-seconds": "0", "--volume-seconds": "0", "--image-seconds": "0"]
        let all = quick.merging(["--listen": "127.0.0.1:\(port)", "--allow-ec2": "true"]) { $1 }.merging(flags) { $1 }
        process = try ChildProcess(
            builtProgram("spot-sandbox"), ["serve"] + all.flatMap { [$0.key, $0.value] },
            environment: ["PATH": "/usr/bin:/bin"])
        try process.waitForText("serving")
    }

    // Killed, it would leave what its instances are for another second.
    deinit { if !hasStopped { _ = try? stop() } }

    /// Ends it, and waits until it has: what its instances were is gone then, too.
    package func stop(by signal: Int32 = SIGTERM) throws -> ChildOutcome {
        hasStopped = true
        process.send(signal: signal)
        return try process.waitForEnd()
    }

    /// One order on the command line.
    package func order(_ arguments: String...) throws -> ChildOutcome {
        try ChildProcess(
            builtProgram("spot-sandbox"), arguments, environment: ["SPOT_SANDBOX_URL": url]
        ).waitForEnd()
    }

    /// The same for one that must succeed, with its JSON.
    package func ordered(_ arguments: String...) throws -> JSONObject {
        let outcome = try ChildProcess(
            builtProgram("spot-sandbox"), arguments + ["--json"], environment: ["SPOT_SANDBOX_URL": url]
        ).waitForEnd()
        guard outcome.end == .exited(0) else { throw TestSupportError("\(arguments): \(outcome.errors)") }
        return try JSONDocument(Array(outcome.output.utf8)).root.object()
    }

    package func instances() throws -> [JSONObject] {
        let document = try PlainClient(port: port).ask("GET", "/sandbox/instances").decode(Listing.self)
        return document.instances
    }

    private struct Listing: JSONReadable {
        let instances: [JSONObject]
        init(from value: JSONValue) throws(JSONError) {
            instances = try value.object().required("instances").array().map { element throws(JSONError) in
                try element.object()
            }
        }
    }
}
