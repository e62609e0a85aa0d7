import Glibc
import Platform

/// How many descriptors this process has open; for tests that nothing leaks. The one used for counting is left out.
package func openDescriptorCount() throws -> Int {
    guard let folder = unsafe opendir("/proc/self/fd") else {
        throw TestSupportError("list the open descriptors: \(describe(errno: errno))")
    }
    defer { unsafe closedir(folder) }
    var count = 0
    while unsafe readdir(folder) != nil { count += 1 }
    return count - 3
}

/// The resident memory of this process, or of process `id`, in bytes.
package func residentMemory(of id: Int32? = nil) throws -> Int {
    let path = "/proc/\(id.map(String.init) ?? "self")/statm"
    let text = String(decoding: try readSmallFile(path, limit: 4096), as: UTF8.self)
    let fields = text.split(separator: " ")
    guard fields.count > 1, let pages = Int(fields[1]) else { throw TestSupportError("\(path) reads \(text)") }
    return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
}

/// How much time there is for tests: `Packaging/test` says so in the environment.
package enum TestTier: String {
    case quick = "--quick"
    case standard = "default"
    case full = "--full"
    /// Everything is some ten times slower than it is for users.
    case sanitizer = "tsan"

    package static let current =
        unsafe getenv("SPOT_TEST_TIER").flatMap { unsafe TestTier(rawValue: String(cString: $0)) } ?? .standard
}

package let isUnderSanitizer = TestTier.current == .sanitizer
