import Glibc
import Platform

/// The file of what is to be remembered: lines in batches, each batch there whole or not at all after a crash at any moment.
///
/// A line is `cccccccc.payload` when it is a batch by itself, else with `(` for the batch's first, `+`, and `)` for its last
/// in place of the dot; the eight digits are the CRC-32 of what follows them. Belongs to the disk's thread, but for `read`.
package struct RecordFile: ~Copyable {
    /// What a reader found.
    package struct Content: Sendable, Equatable {
        package var lines: [[UInt8]] = []
        /// Lines that were damaged, or belonged to a batch that was.
        package var damaged = 0
        /// How many bytes are whole batches. Behind them is what a crash cut off.
        package var goodBytes = 0
    }

    /// Far more than compaction lets it become; a longer one is not ours.
    static let readLimit = 64 << 20

    private let path: String
    private let file: FileDescriptor
    private(set) var size: Int

    private init(path: String, file: consuming FileDescriptor, size: Int) {
        self.path = path
        self.file = file
        self.size = size
    }

    /// Opens the file for adding to it, and cuts off what a crash left behind its last batch.
    static func open(_ path: String, goodBytes: Int) throws(PlatformError) -> RecordFile {
        let file = try FileDescriptor(
            opening: path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, permissions: 0o600, doing: "open record")
        let record = RecordFile(path: path, file: file, size: goodBytes)
        try record.cut()
        // The file itself may be new.
        try syncFolder(of: path, doing: "open record")
        return record
    }

    /// Adds whole batches and waits until they are on the disk. When it throws, none of them is there.
    mutating func append(_ batches: [[[UInt8]]]) throws(PlatformError) {
        let text = Self.text(of: batches)
        do throws(PlatformError) {
            try writeAll(text, to: file, "write record \(path)")
            guard fdatasync(file.number) == 0 else {
                throw PlatformError("write record \(path): sync", errno: lastErrno)
            }
            size += text.count
        } catch {
            // Should this fail as well, the next write begins behind half a batch, which a reader skips.
            try? cut()
            throw error
        }
    }

    private func cut() throws(PlatformError) {
        guard ftruncate(file.number, size) == 0 else {
            throw PlatformError("cut record \(path) to its last batch", errno: lastErrno)
        }
    }

    /// Puts one batch in place of all that was there.
    static func replace(_ path: String, with lines: [[UInt8]]) throws(PlatformError) {
        try replaceFile(path, with: text(of: [lines]), doing: "write record")
    }

    // MARK: Text

    package static func text(of batches: [[[UInt8]]]) -> [UInt8] {
        var text: [UInt8] = []
        for batch in batches {
            for (place, payload) in batch.enumerated() {
                precondition(!payload.contains(newline), "a record's line has no line break in it")
                let line = [mark(place, of: batch.count)] + payload
                text += hexadecimal(crc32(line[...])) + line + [newline]
            }
        }
        return text
    }

    /// Nil without a file.
    static func read(_ path: String) throws(PlatformError) -> Content? {
        do throws(PlatformError) {
            return content(of: try readSmallFile(path, limit: readLimit, doing: "read record"))
        } catch {
            guard error.code == .notFound else { throw error }
            return nil
        }
    }

    package static func content(of bytes: [UInt8]) -> Content {
        var content = Content()
        var batch: [[UInt8]] = []
        var start = 0
        while let end = bytes[start...].firstIndex(of: newline) {
            let line = bytes[start..<end]
            start = end + 1
            guard let (mark, payload) = parts(of: line) else {
                content.damaged += batch.count + 1
                batch = []
                continue
            }
            if mark == single || mark == first {
                content.damaged += batch.count
                batch = []
            } else if batch.isEmpty {
                // Its batch lost the beginning.
                content.damaged += 1
                continue
            }
            batch.append(payload)
            guard mark == single || mark == last else { continue }
            content.lines += batch
            batch = []
            content.goodBytes = start
        }
        return content
    }

    private static func parts(of line: ArraySlice<UInt8>) -> (mark: UInt8, payload: [UInt8])? {
        let rest = line.dropFirst(8)
        guard let mark = rest.first, [single, first, middle, last].contains(mark),
            line.prefix(8).elementsEqual(hexadecimal(crc32(rest)))
        else { return nil }
        return (mark, Array(rest.dropFirst()))
    }
}

private let newline = UInt8(ascii: "\n")
private let single = UInt8(ascii: ".")
private let first = UInt8(ascii: "(")
private let middle = UInt8(ascii: "+")
private let last = UInt8(ascii: ")")

private func mark(_ place: Int, of count: Int) -> UInt8 {
    if count == 1 { return single }
    return place == 0 ? first : place == count - 1 ? last : middle
}

private func hexadecimal(_ number: UInt32) -> [UInt8] {
    let digits = Array("0123456789abcdef".utf8)
    return (0..<8).map { digits[Int(number >> (28 - 4 * UInt32($0)) & 15)] }
}

/// As in zlib and Ethernet.
func crc32(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    var rest = UInt32.max
    for byte in bytes { rest = crcTable[Int((rest ^ UInt32(byte)) & 0xFF)] ^ rest >> 8 }
    return ~rest
}

private let crcTable: [UInt32] = (0..<256).map { number in
    (0..<8).reduce(UInt32(number)) { rest, _ in rest & 1 == 1 ? 0xEDB8_8320 ^ rest >> 1 : rest >> 1 }
}
