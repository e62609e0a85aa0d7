import Glibc
import TestSupport
import Testing

/// A throwaway machine with a real systemd, for what only PID 1 can show.
enum Box {
    static let isPossible = geteuid() == 0 && exists("/lib/systemd/systemd") && exists("/usr/bin/dbus-daemon")
    static let reason: Comment = "needs root and the packages systemd and dbus"

    /// Units that scenarios use, and a shell function that waits for a condition.
    private static let prelude = """
        #!/bin/bash
        set -eu
        until_() { for _ in {1..500}; do if eval "$1"; then return; fi; sleep 0.02; done; echo "never: $1"; exit 1; }
        unit() { cat >/etc/systemd/system/$1; }
        printf '[Service]\\nExecStart=/bin/sleep 600\\n' | unit sleeper.service
        printf '[Service]\\nType=oneshot\\nExecStart=/bin/sh -c "exit 3"\\n' | unit failing.service
        printf '[Service]\\nType=oneshot\\nExecStart=/bin/sleep 600\\n' | unit slow.service
        systemctl daemon-reload
        systemctl show -P MainPID dbus.service >/run/bus.pid
        busctl call org.freedesktop.DBus / org.freedesktop.DBus GetNameOwner s org.freedesktop.systemd1 |
            cut -d'"' -f2 >/run/manager

        """

    /// Runs `script` with the scenario program at /box/SystemdScenarios.
    static func run(_ script: String) throws -> (status: Int32, output: String) {
        try withTemporaryFolder { folder in
            try write(prelude + script, to: "\(folder)/script")
            let support = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
            return try runProgram([
                "/usr/bin/env", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "/bin/bash", "/\(support)/Support/systemd-box",
                "-t", "25", "-c", try scenarioProgram(), "\(folder)/script",
            ])
        }
    }

    /// Built beside the tests.
    static func scenarioProgram() throws -> String {
        var path = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = unsafe readlink("/proc/self/exe", &path, path.count)
        guard count > 0 else { throw TestSupportError("read /proc/self/exe: errno \(errno)") }
        let own = String(decoding: path.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return "/" + own.split(separator: "/").dropLast().joined(separator: "/") + "/SystemdScenarios"
    }
}

/// Runs a program to its end; both its outputs, and its exit status or 128 and its signal.
func runProgram(_ arguments: [String]) throws -> (status: Int32, output: String) {
    try withTemporaryFolder { folder in
        let quoted = arguments.map { "'\($0)'" }.joined(separator: " ")
        let child = try spawn(["/bin/sh", "-c", "exec \(quoted) >\(folder)/output 2>&1 </dev/null"])
        var status: Int32 = 0
        guard unsafe waitpid(child, &status, 0) == child else { throw TestSupportError("wait: errno \(errno)") }
        let end = status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
        return (end, try read("\(folder)/output"))
    }
}

private func exists(_ path: String) -> Bool { unsafe access(path, X_OK) == 0 }

private func write(_ text: String, to path: String) throws {
    let file = unsafe open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0o755)
    defer { close(file) }
    let bytes = Array(text.utf8)
    guard unsafe Glibc.write(file, bytes, bytes.count) == bytes.count else { throw TestSupportError("write \(path)") }
}

private func read(_ path: String) throws -> String {
    let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = unsafe Glibc.read(file, &bytes, bytes.count)
    guard count >= 0 else { throw TestSupportError("read \(path): errno \(errno)") }
    return String(decoding: bytes.prefix(count), as: UTF8.self)
}
