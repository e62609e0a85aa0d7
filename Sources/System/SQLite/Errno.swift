import Glibc

/// The kernel's words for an error number, ready to end one of our sentences: `no such file or directory (errno 2)`.
func describe(errno number: Int32) -> String {
    var buffer = [CChar](repeating: 0, count: 128)
    let code = unsafe strerror_r(number, &buffer, buffer.count)
    let text =
        code == 0 ? String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) : "unknown"
    return "\(text.lowercased()) (errno \(number))"
}
