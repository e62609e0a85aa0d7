import Platform

/// The right to write to one database file, held by a lock on the empty file `….lock` beside it: SQLite's own locks let two
/// coordinators share a file, and a restore exchange it under one. The kernel lets go of it when its holder dies.
struct StoreLock: ~Copyable {
    private let lock: FileLock

    init(database path: String) throws(StoreError) {
        let taken: FileLock?
        do throws(PlatformError) { taken = try FileLock(taking: "\(path).lock", doing: "open database") } catch {
            throw StoreError(error, while: "open database \(path)")
        }
        guard let lock = consume taken else {
            throw StoreError(
                .busy, "open database \(path): another coordinator or a restore has it: stop that one first")
        }
        self.lock = lock
    }
}
