private import CLinux
import Glibc

/// The whole of a regular file that should be at most `limit` bytes long; `doing` opens the error's sentence.
///
/// Files of /proc and /sys count as regular. Anything else is refused before it can make the reader wait.
package func readSmallFile(_ path: String, limit: Int, doing: String = "read") throws(PlatformError) -> [UInt8] {
    try readRegularFile(path, limit: limit, doing: doing).content
}

func readRegularFile(
    _ path: String, limit: Int, doing: String
) throws(PlatformError) -> (content: [UInt8], permissions: UInt32) {
    // O_NONBLOCK: opening a FIFO that nobody writes would wait for good; regular files do not mind.
    let file = try FileDescriptor(opening: path, O_RDONLY | O_NONBLOCK, doing: doing)
    var status = stat()
    guard unsafe fstat(file.number, &status) == 0 else { throw PlatformError("\(doing) \(path)", errno: lastErrno) }
    guard status.st_mode & clinux_file_type == clinux_file_type_regular else {
        throw PlatformError(.failed, "\(doing) \(path): not a regular file")
    }
    return (try readToEnd(of: file, limit: limit, "\(doing) \(path)"), status.st_mode & 0o7777)
}

private func readToEnd(
    of file: borrowing FileDescriptor, limit: Int, _ doing: @autoclosure () -> String
) throws(PlatformError) -> [UInt8] {
    var content: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: min(limit + 1, 65_536))
    while true {
        let number = file.number
        let done = unsafe chunk.withUnsafeMutableBytes { chunk in
            retryingInterrupts { unsafe read(number, chunk.baseAddress, chunk.count) }
        }
        guard done.result >= 0 else { throw PlatformError(doing(), errno: done.errno) }
        if done.result == 0 { return content }
        content += chunk.prefix(done.result)
        guard content.count <= limit else { throw PlatformError(.tooLarge, "\(doing()): longer than \(limit) bytes") }
    }
}
