import CSystemd
import Glibc

/// The listening sockets that the service manager opened for us, by the name their unit gives them.
package struct ListenDescriptors: Sendable {
    private let all: [(name: String, descriptor: Int32)]

    /// Takes them over: they are the caller's to close, close-on-exec, and `$LISTEN_FDS` is taken away with its
    /// companions so that no child believes them its own. Call it once, before there are other threads.
    package static func takeFromEnvironment() throws(SystemdError) -> ListenDescriptors {
        var names: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
        let count = unsafe sd_listen_fds_with_names(1, &names)
        guard count >= 0 else { throw SystemdError(.malformed, "take the listening sockets: \(reason(count))") }
        defer { unsafe freeStrings(names) }
        let passed = (0..<count).map { index in
            let name = unsafe names?[Int(index)].map { unsafe String(cString: $0) }
            return (name ?? "unknown", Int32(SD_LISTEN_FDS_START) + index)
        }
        for (name, descriptor) in passed {
            let answer = sd_is_socket(descriptor, AF_UNSPEC, Int32(SOCK_STREAM.rawValue), 1)
            guard answer > 0 else {
                let why = answer < 0 ? reason(answer) : "not a listening stream socket"
                throw SystemdError(.malformed, "take the listening socket \(name), descriptor \(descriptor): \(why)")
            }
        }
        return ListenDescriptors(all: passed)
    }

    /// The descriptors called `name`, in the manager's order; several addresses of one unit share a name.
    package subscript(name: String) -> [Int32] { all.filter { $0.name == name }.map(\.descriptor) }

    /// All names, so that a program can refuse those it does not know.
    package var names: Set<String> { Set(all.map(\.name)) }
}

private func freeStrings(_ strings: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) {
    guard let strings = unsafe strings else { return }
    var next = unsafe strings
    while let string = unsafe next.pointee {
        unsafe free(string)
        unsafe next += 1
    }
    unsafe free(strings)
}
