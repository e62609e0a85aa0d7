/// Names this run of the kernel: the same until the machine starts anew. Nil where the kernel does not tell.
package func bootName() -> String? {
    guard let bytes = try? readSmallFile("/proc/sys/kernel/random/boot_id", limit: 64) else { return nil }
    let name = String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    return name.isEmpty ? nil : name
}
