import BenchmarkSupport
import Glibc
import Platform
import TestSupport

private let marker = "SPOT_BENCHMARK_INSIDE"

/// Starts this program again in a network and with mounts of its own; returns in the one that is there already. Without root
/// the kernel must let users have namespaces, as Debian's does.
func enterNamespaces(_ arguments: [String]) throws {
    guard unsafe getenv(marker) == nil else {
        return try run("/sbin/ip", ["link", "set", "lo", "up"], package: "iproute2")
    }
    unsafe setenv(marker, "1", 1)
    let rights = geteuid() == 0 ? [] : ["--map-root-user"]
    let words = ["unshare"] + rights + ["--mount", "--net", "--", try ownPath()] + arguments
    var pointers: [UnsafeMutablePointer<CChar>?] = unsafe words.map { unsafe strdup($0) } + [nil]
    unsafe execv("/usr/bin/unshare", &pointers)
    throw BenchmarkError("start unshare (Debian: util-linux): \(describe(errno: errno))")
}

/// The names that programs of this run can look up: those of a file, until the file forgets them and a name server that
/// never answers is all that is left.
final class Names {
    static let coordinator = "coordinator.spot.internal"
    private let file: String
    /// Takes questions, and nobody reads them.
    private let server: FileDescriptor

    init(in folder: String) throws {
        file = "\(folder)/hosts"
        try writeFile(file, Array("127.0.0.1 localhost \(Self.coordinator)\n".utf8))
        try bindOver("/etc/hosts", file)
        try writeFile("\(folder)/resolv.conf", Array("nameserver 127.0.0.1\n".utf8))
        try bindOver("/etc/resolv.conf", "\(folder)/resolv.conf")
        server = FileDescriptor(owning: socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(53).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let number = server.number
        let result = unsafe withUnsafePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(number, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw BenchmarkError("be the name server: \(describe(errno: errno))") }
    }

    /// From now on no name is found, and to ask takes until the asker gives up.
    func forget() throws { try writeFile(file, Array("127.0.0.1 localhost\n".utf8)) }
}

/// The system's authorities and ours, where libcurl looks for the system's.
func trust(_ certificate: Certificate, in folder: String) throws {
    let bundle = "/etc/ssl/certs/ca-certificates.crt"
    let all = try readSmallFile(bundle, limit: 1 << 24) + readSmallFile(certificate.certificate, limit: 1 << 16)
    try writeFile("\(folder)/authorities.pem", all)
    try bindOver(bundle, "\(folder)/authorities.pem")
}

/// As in a container: programs of this run find no service manager.
func hideServiceManager() throws { try run("/bin/mount", ["-t", "tmpfs", "none", "/run/systemd"], package: "mount") }

private func bindOver(_ path: String, _ file: String) throws {
    try run("/bin/mount", ["--bind", file, path], package: "mount")
}

private func run(_ program: String, _ arguments: [String], package: String) throws {
    let outcome = try ChildProcess(program, arguments).waitForEnd()
    guard outcome.end == .exited(0) else {
        throw BenchmarkError("\(program) (Debian: \(package)) said: \(outcome.errors)")
    }
}
