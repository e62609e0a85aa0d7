private import CLinux
import Glibc
import Platform

/// What a thread can have to itself (unshare(2)).
package struct Unshared: OptionSet, Sendable {
    package let rawValue: Int32
    package init(rawValue: Int32) { self.rawValue = rawValue }

    /// Its own descriptor table, empty but for the standard three: what is counted there is its own.
    package static let descriptors = Unshared(rawValue: 0x400)
    package static let mounts = Unshared(rawValue: 0x2_0000)
    package static let network = Unshared(rawValue: 0x4000_0000)
}

/// Runs `body` on a thread called `name`, ahead of others, with some of its world to itself. Threads that it starts,
/// those of the C library included, inherit the name and that world.
package func onOwnThread<Value: Sendable>(
    _ name: StaticString, _ unshared: Unshared = [], _ body: @escaping @Sendable () throws -> Value
) throws -> Value {
    let outcome = Awaited<Result<Value, TestSupportError>>("the end of \(name)")
    let thread = try DedicatedThread(name: name) {
        // The tests beside this one would otherwise be measured too. Refused without privileges, and then left out.
        _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, -19)
        // Also done by whoever starts the thread, but perhaps only after the first count.
        _ = unsafe pthread_setname_np(pthread_self(), name.description)
        outcome.set(
            Result {
                guard unshare(unshared.rawValue) == 0 else {
                    throw TestSupportError("unshare: \(describe(errno: errno))")
                }
                // The copies would keep other tests' connections open.
                if unshared.contains(.descriptors) { for copy in try ownDescriptors() where copy > 2 { close(copy) } }
                return try body()
            }.mapError { TestSupportError("\($0)") })
    }
    defer { thread.join() }
    return try outcome.get(within: .seconds(60)).get()
}

/// How many threads of this process are called `name`.
package func threadCount(named name: StaticString) throws -> Int {
    try entries(of: "/proc/self/task")
        .filter { task in
            // A thread may end between the listing and the reading.
            let comm = try? readSmallFile("/proc/self/task/\(task)/comm", limit: 64)
            return comm.map { String(decoding: $0, as: UTF8.self) } == "\(name)\n"
        }.count
}

/// The descriptors in the table of the calling thread, the one used for listing left out.
package func ownDescriptors() throws -> [Int32] {
    try entries(of: "/proc/thread-self/fd").compactMap { Int32($0) }.filter { fcntl($0, F_GETFD) >= 0 }
}

private func entries(of folder: String) throws -> [String] {
    guard let stream = unsafe opendir(folder) else {
        throw TestSupportError("list \(folder): \(describe(errno: errno))")
    }
    defer { unsafe closedir(stream) }
    var names: [String] = []
    while let entry = unsafe readdir(stream) {
        let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { name in
            unsafe name.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
        }
        if !name.hasPrefix(".") { names.append(name) }
    }
    return names
}
