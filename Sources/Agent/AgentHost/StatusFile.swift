package import AgentCore
import Glibc
package import JSON
package import Platform

/// How the agent stands, in a file for whoever asks. Written when something was announced, once a second at most, and every ten
/// seconds, so that its age tells whether the agent runs. Belongs to the loop's thread.
package final class StatusFile {
    package static let age = Duration.seconds(10)
    private static let pause = Duration.seconds(1)
    private static let name = "status.json"

    private let path: String
    private let loop: any EventLoop
    private let disk: DiskThread
    private let status: () -> LocalStatus
    private var timer: (any LoopTimer)?
    private var writtenAt: Duration?

    package init(
        in folder: String, on loop: any EventLoop, disk: DiskThread, status: @escaping () -> LocalStatus
    ) throws {
        path = Self.path(in: folder)
        self.loop = loop
        self.status = status
        self.disk = disk
        timer = try loop.makeTimer { [weak self] in self?.write() }
    }

    package static func path(in folder: String) -> String { "\(folder)/\(name)" }

    /// Something has changed.
    package func touch() {
        let earliest = writtenAt.map { $0 + Self.pause } ?? loop.now
        if loop.now >= earliest { write() } else { timer?.arm(at: earliest) }
    }

    private func write() {
        writtenAt = loop.now
        timer?.arm(at: loop.now + Self.age)
        var status = status()
        status.process = getpid()
        let bytes = encodeJSON(status) + [UInt8(ascii: "\n")]
        // Nobody is the worse for a status that could not be written: its age tells.
        _ = disk.submit { [path] in
            try? replaceFile(path, with: bytes, permissions: 0o644, kept: false, doing: "write status")
        }
    }

    /// Whether whoever wrote it writes no more.
    package static func isStale(_ status: LocalStatus, at now: Timestamp) -> Bool { now - status.updatedAt > age * 3 }

    /// As the agent that runs on `folder` wrote it.
    package static func read(in folder: String) throws -> LocalStatus {
        let bytes = try readSmallFile(path(in: folder), limit: 1 << 20, doing: "read status")
        return try decodeJSON(LocalStatus.self, from: bytes)
    }
}
