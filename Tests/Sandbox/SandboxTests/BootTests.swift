import Glibc
import JSON
import Platform
import TestSupport
import Testing

/// Instances that are processes.
struct BootTests {
    private func isThere(_ process: Int32) -> Bool { kill(process, 0) == 0 }

    /// What a command wrote there, once the line is whole.
    private func line(_ path: String) throws -> String {
        var text = ""
        try eventually("\(path) is written") {
            text = (try? readSmallFile(path, limit: 4_096)).map { String(decoding: $0, as: UTF8.self) } ?? ""
            return text.hasSuffix("\n")
        }
        return String(text.dropLast())
    }

    @Test func `a running instance is its command, which knows who it is and ends with it`() throws {
        try withTemporaryFolder { folder in
            // The child of the command's shell must end with the rest.
            let boot = """
                echo $SANDBOX_INSTANCE $SANDBOX_ADDRESS $SANDBOX_METADATA $SANDBOX_ENDPOINT > \(folder)/who
                trap 'echo kindly > \(folder)/end; exit 0' TERM
                sleep 600 & echo $! > \(folder)/child; wait
                """
            let sandbox = try SandboxProcess([
                "--boot": boot.split(separator: "\n").joined(separator: "; "), "--halt-seconds": "1",
                "--halt": "echo $SANDBOX_STATE >> \(folder)/halt",
            ])
            let machine = try sandbox.ordered("launch", "--name", "web-1")
            let id = try machine.required("id").string()
            let address = try machine.required("address").string()
            #expect(try line("\(folder)/who") == "\(id) \(address) http://\(address):\(sandbox.port) \(sandbox.url)")
            let child = try #require(Int32(line("\(folder)/child")))
            #expect(isThere(child))
            _ = try sandbox.ordered("terminate", "web-1")
            #expect(try line("\(folder)/end") == "kindly")
            try eventually("the instance is terminated") { try line("\(folder)/halt").hasSuffix("terminated") }
            #expect(try line("\(folder)/halt") == "shutting-down\nterminated")
            try eventually("its processes are gone") { !isThere(child) }
        }
    }

    @Test func `a command that does not listen is killed when its machine is gone, and all are at the end`() throws {
        try withTemporaryFolder { folder in
            let boot = "trap '' TERM; echo $$ > \(folder)/$SANDBOX_INSTANCE; while true; do sleep 600; done"
            let sandbox = try SandboxProcess(["--boot": boot, "--halt-seconds": "0.2"])
            let ids = try (0..<2).map { _ in try sandbox.ordered("launch").required("id").string() }
            let processes = try ids.map { try #require(Int32(line("\(folder)/\($0)"))) }
            _ = try sandbox.ordered("terminate", ids[0])
            try eventually("it is gone") { !isThere(processes[0]) }
            #expect(isThere(processes[1]))
            #expect(try sandbox.stop().end == .exited(0))
            try eventually("the other is gone") { !isThere(processes[1]) }
        }
    }

    @Test func `a sandbox that is killed leaves nothing of its instances`() throws {
        try withTemporaryFolder { folder in
            let sandbox = try SandboxProcess(["--boot": "sleep 600 & echo $! > \(folder)/child"])
            _ = try sandbox.ordered("launch")
            let child = try #require(Int32(line("\(folder)/child")))
            // Its first process has ended, and the machine is there all the same.
            try sandbox.process.waitForText("exit status 0")
            #expect(isThere(child))
            #expect(try sandbox.stop(by: SIGKILL).end == .killed(signal: SIGKILL))
            try eventually("what it left is gone") { !isThere(child) }
        }
    }

    @Test func `what a command says, and how it ends, is logged`() throws {
        let sandbox = try SandboxProcess(["--boot": "echo good morning; exit 3"])
        let id = try sandbox.ordered("launch").required("id").string()
        try sandbox.process.waitForText("exit status 3")
        let errors = try sandbox.stop().errors
        #expect(errors.contains("said instance=\(id) line=\"good morning\""))
        #expect(errors.contains("command ended instance=\(id) end=\"exit status 3\""))
    }

    @Test func `an instance without a boot is somebody else's to play`() throws {
        let sandbox = try SandboxProcess(["--boot": "echo here I am"])
        _ = try sandbox.ordered("launch", "--no-boot")
        try sandbox.process.waitForText("news=running")
        #expect(try !sandbox.stop().errors.contains("here I am"))
    }
}
