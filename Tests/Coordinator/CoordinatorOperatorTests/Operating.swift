import CoordinatorOperator
import Glibc
import HTTPServer
import JSON
import Platform
import TestSupport
import Wire

/// The program as far as these sub-commands go.
let program = ProgramDescription(
    name: "spot-coordinator", version: "test", summary: "Tests.", subcommands: OperatorCommands.subcommands)

/// What a sub-command said, and how it ended.
struct Said: Sendable {
    let status: ExitStatus
    let output: String
    let errors: String
}

let adminToken = "admin-5ecret"

/// A minute after `moment()`.
let surroundings = ManualSurroundings(wall: moment(60_000))

/// 2026-11-20T13:05:00Z and so many milliseconds.
func moment(_ milliseconds: Int64 = 0) -> Timestamp {
    Timestamp(nanosecondsSinceEpoch: (1_795_179_900_000 + milliseconds) * 1_000_000)
}

/// A coordinator of this machine whose settings say where it listens and what its token is.
func local(port: Int, host: String = "127.0.0.1", token: String? = adminToken) -> LocalCoordinator {
    var local = LocalCoordinator(
        host: host, port: port, isTLS: false, adminToken: token.map { Secret($0) }, environment: [:])
    local.tokenPlaces = []
    return local
}

/// Types a line and waits for its end.
func enter(_ words: [String], at local: LocalCoordinator, output number: Int32? = nil) throws -> Said {
    guard case .run(let invocation) = program.parse(words) else {
        throw TestSupportError("\(words) is no command line: \(program.parse(words))")
    }
    return try withTemporaryFolder { folder in
        let output = try FileDescriptor(opening: "\(folder)/output", O_RDWR | O_CREAT, permissions: 0o600)
        let errors = try FileDescriptor(opening: "\(folder)/errors", O_RDWR | O_CREAT, permissions: 0o600)
        let status = OperatorCommands.run(
            invocation, local: local, surroundings: surroundings,
            output: StandardStream(descriptor: number ?? output.number),
            errors: StandardStream(descriptor: errors.number))
        return Said(
            status: status, output: try contents(of: "\(folder)/output"), errors: try contents(of: "\(folder)/errors"))
    }
}

/// Types a line at a coordinator that gives these answers; then it must have been asked exactly these lines.
func enter(_ line: String, hearing answers: [String: Response]) throws -> (said: Said, asked: [FakeCoordinator.Asked]) {
    let coordinator = try FakeCoordinator(answers)
    defer { coordinator.stop() }
    let said = try enter(line.split(separator: " ").map(String.init), at: local(port: Int(coordinator.port)))
    return (said, coordinator.asked)
}

func contents(of path: String) throws -> String {
    String(decoding: try readSmallFile(path, limit: 1 << 24), as: UTF8.self)
}
