import Glibc
import Platform

/// A throwaway machine with a real systemd, for what only PID 1 can show: `Tests/Support/systemd-box`.
package enum SystemdBox {
    package static let isPossible = geteuid() == 0 && isThere("/lib/systemd/systemd") && isThere("/usr/bin/dbus-daemon")
    package static let whyNot = "needs root and the packages systemd and dbus"

    private static func isThere(_ path: String) -> Bool { unsafe access(path, X_OK) == 0 }

    /// Runs the bash `script` as root in a new box, with each of `copies` (`source` or `source:destination`) in it, and
    /// returns its exit status and all it said.
    package static func run(_ script: String, copies: [String], within limit: Int = 25) throws -> (
        status: Int32, said: String
    ) {
        try withTemporaryFolder { folder in
            try replaceFile("\(folder)/script", with: Array(script.utf8))
            let outcome = try start("\(folder)/script", copies: copies, within: limit)
                .waitForEnd(within: .seconds(limit + 30))
            return (outcome.status, outcome.output + outcome.errors)
        }
    }

    /// Starts the bash script at a path in a new box, and does not wait. `options` are those of `systemd-box`; `network` is the
    /// path of the network that it shares with `-N`, else it is ours.
    package static func start(
        _ script: String, _ arguments: [String] = [], copies: [String], options: [String] = [],
        network: String? = nil, within limit: Int
    ) throws -> ChildProcess {
        let support = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
        let copies = try Set(copies + copies.flatMap(runtimeLibraries))
        let inside = network.map { ["/usr/bin/nsenter", "--net=\($0)"] } ?? []
        let words =
            inside + ["/bin/bash", "/\(support)/systemd-box", "-t", "\(limit)"] + options
            + copies.flatMap { ["-c", $0] } + [script] + arguments
        let environment = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]
        return try ChildProcess(words[0], Array(words.dropFirst()), environment: environment)
    }
}

extension SystemdBox {
    /// Copies of the Swift runtime that a program is linked with: the toolchain may lie on another mount than the root's,
    /// which is the only one that a box sees.
    private static func runtimeLibraries(of copy: String) throws -> [String] {
        let source = copy.split(separator: ":").first.map(String.init) ?? copy
        let listed = try ChildProcess("/usr/bin/ldd", [source]).waitForEnd().output
        return listed.matches(of: /=> (?<path>\/\S*swift\S*)/).map { "\($0.output.path):\($0.output.path)" }
    }
}

/// A program of this package, built beside the tests.
package func builtProgram(_ name: String) throws -> String {
    var path = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = unsafe readlink("/proc/self/exe", &path, path.count)
    guard count > 0 else { throw TestSupportError("read /proc/self/exe: \(describe(errno: errno))") }
    let own = String(decoding: path.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return "/" + own.split(separator: "/").dropLast().joined(separator: "/") + "/\(name)"
}

extension ChildOutcome {
    /// As a shell has it: the exit status, or 128 and the signal.
    package var status: Int32 {
        switch end {
        case .exited(let status): status
        case .killed(let signal): 128 + signal
        }
    }
}
