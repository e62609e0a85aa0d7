import AgentCore
import JSON
import Platform

extension FolderFinding {
    /// It waits for the disk.
    init(at path: String, isNamed: Bool) {
        do throws(PlatformError) {
            let facts = try FolderFacts(of: path)
            self = .there(
                Facts(
                    path: path, permissions: facts.permissions, fault: facts.fault?.description,
                    freeBytes: facts.freeBytes, hasFreeFiles: facts.hasFreeFiles))
        } catch {
            // A file in its place is "not found" as a folder.
            let isAbsent = error.code == .notFound && !fileExists(path)
            self = isAbsent ? .absent(path: path, isNamed: isNamed) : .unusable(error.description)
        }
    }
}

extension DaemonFinding {
    /// Reads what a running agent wrote to `folder`. It waits for the disk.
    init(in folder: String, at now: Timestamp) {
        do {
            let status = try StatusFile.read(in: folder)
            self = StatusFile.isStale(status, at: now) ? .stale(status) : .fresh(status)
        } catch { self = .silent(reason: "\(error)") }
    }
}
