import CLinux
import Glibc
import Platform

package func readText(_ path: String) throws -> String {
    String(decoding: try readSmallFile(path, limit: 1 << 16), as: UTF8.self)
}

package func writeFile(_ path: String, _ bytes: [UInt8]) throws {
    let file = try FileDescriptor(opening: path, O_WRONLY | O_CREAT | O_TRUNC, permissions: 0o600)
    var rest = bytes[...]
    while !rest.isEmpty {
        let written = unsafe rest.withUnsafeBytes { unsafe write(file.number, $0.baseAddress, $0.count) }
        guard written > 0 else { throw BenchmarkError("write \(path): \(describe(errno: errno))") }
        rest = rest.dropFirst(written)
    }
}

package func makeFolder(_ path: String) throws {
    guard unsafe mkdir(path, 0o700) == 0 || errno == EEXIST else {
        throw BenchmarkError("make \(path): \(describe(errno: errno))")
    }
}

package func namesIn(_ folder: String) throws -> [String] {
    guard let stream = unsafe opendir(folder) else {
        throw BenchmarkError("list \(folder): \(describe(errno: errno))")
    }
    defer { unsafe closedir(stream) }
    var names: [String] = []
    while let entry = unsafe readdir(stream) {
        let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        if !name.hasPrefix(".") { names.append(name) }
    }
    return names
}

/// Removes a folder and what is in it.
package func removeTree(_ path: String) {
    for name in (try? namesIn(path)) ?? [] {
        let inside = "\(path)/\(name)"
        if unsafe unlink(inside) != 0 { removeTree(inside) }
    }
    unsafe rmdir(path)
}

/// The path of a Debian program.
package func findProgram(_ name: String, package: String) throws -> String {
    for folder in ["/usr/sbin", "/usr/bin", "/usr/local/bin", "/sbin", "/bin"] {
        if fileExists("\(folder)/\(name)") { return "\(folder)/\(name)" }
    }
    throw BenchmarkError("\(name) is missing: apt-get install \(package)")
}

/// This program.
package func ownPath() throws -> String {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = unsafe readlink("/proc/self/exe", &buffer, buffer.count)
    guard count > 0 else { throw BenchmarkError("find this program: \(describe(errno: errno))") }
    return String(decoding: buffer.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
}

/// Where this program and the one that it measures were built.
package func productFolder() throws -> String { folderName(of: try ownPath()) }
