import CLinux
import Glibc
import TestSupport

/// The repository as files, for tests of plain facts about it.
struct Repository {
    let root: String

    init(file: String = #filePath) {
        // …/Tests/HouseTests/Repository.swift
        root = file.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
    }

    /// Paths below `folder`, relative to the root, sorted; hidden files left out.
    func files(below folder: String, suffix: String = "") throws -> [String] {
        guard let start = unsafe strdup("\(root)/\(folder)") else { throw TestSupportError("out of memory") }
        defer { unsafe free(start) }
        var roots: [UnsafeMutablePointer<CChar>?] = unsafe [start, nil]
        guard let tree = unsafe fts_open(&roots, FTS_PHYSICAL | FTS_NOSTAT | FTS_NOCHDIR, nil) else {
            throw TestSupportError("read the folder \(folder): errno \(errno)")
        }
        defer { unsafe fts_close(tree) }
        var found: [String] = []
        while let entry = unsafe fts_read(tree) {
            let path = unsafe String(cString: entry.pointee.fts_path)
            let relative = String(path.dropFirst(root.utf8.count + 1))
            let info = unsafe Int32(entry.pointee.fts_info)
            if info != FTS_D && info != FTS_DP && !relative.contains("/.") && relative.hasSuffix(suffix) {
                found.append(relative)
            }
        }
        return found.sorted()
    }

    /// Names directly inside `folder`; hidden ones left out.
    func names(in folder: String) throws -> [String] {
        guard let handle = unsafe opendir("\(root)/\(folder)") else {
            throw TestSupportError("read the folder \(folder): errno \(errno)")
        }
        defer { unsafe closedir(handle) }
        var names: [String] = []
        while let entry = unsafe readdir(handle) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    func text(of path: String) throws -> String {
        let descriptor = unsafe open("\(root)/\(path)", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw TestSupportError("open \(path): errno \(errno)") }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = unsafe read(descriptor, &buffer, buffer.count)
            guard count > 0 else { break }
            bytes.append(contentsOf: buffer[..<count])
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    func exists(_ path: String) -> Bool { unsafe access("\(root)/\(path)", F_OK) == 0 }

    /// The lines of `path` that are code: no comments, no blank ones.
    func code(of path: String) throws -> [String] {
        try text(of: path).split(separator: "\n").map(String.init).filter { line in
            let trimmed = line.drop { $0 == " " }
            return !trimmed.isEmpty && !trimmed.hasPrefix("//")
        }
    }
}

extension StringProtocol {
    var trimmed: String { String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()) }

    /// Whether `word` stands in the text as a word of its own.
    func containsWord(_ word: String) -> Bool {
        contains(word) && split { !($0.isLetter || $0.isNumber || $0 == "_") }.contains { $0 == word }
    }
}
