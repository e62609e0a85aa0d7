import CSQLite

/// A file as one connection has it open. SQLite keeps the pointer between `xOpen` and `xClose`, and with it the disk alive.
final class OpenFile {
    let disk: DroppingDisk
    let stored: StoredFile
    let generation: Int
    private let path: String?
    private let flags: Int32
    private var sharedMemory: SharedMemory?
    /// As in SQLite's Unix VFS: the first sync of a journal or a WAL makes the names of its folder durable, too.
    private var syncsNames: Bool

    init(_ disk: DroppingDisk, _ stored: StoredFile, _ generation: Int, path: String? = nil, flags: Int32 = 0) {
        self.disk = disk
        self.stored = stored
        self.generation = generation
        self.path = path
        self.flags = flags
        let journals = SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL
        syncsNames = flags & SQLITE_OPEN_CREATE != 0 && flags & journals != 0
    }

    private var id: ObjectIdentifier { ObjectIdentifier(self) }

    func close() {
        _ = disk.onFile(self, otherwise: SQLITE_OK) {
            stored.locks.unlock(id, to: SQLITE_LOCK_NONE)
            return SQLITE_OK
        }
        unmap()
        if let path, flags & SQLITE_OPEN_DELETEONCLOSE != 0 { _ = disk.delete(path, durably: false) }
    }

    // MARK: Content

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) -> Int32 {
        disk.onFile(self, otherwise: IOFailure.read) {
            let count = max(0, min(buffer.count, stored.size - offset))
            if count > 0 { unsafe stored.copy(offset, count, to: buffer) }
            guard count < buffer.count else { return SQLITE_OK }
            // What is not there must be zeros (https://sqlite.org/c3ref/io_methods.html).
            unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[count...]).initializeMemory(
                as: UInt8.self, repeating: 0)
            return IOFailure.shortRead
        }
    }

    func write(_ bytes: [UInt8], at offset: Int) -> Int32 {
        disk.change(.write, self, otherwise: IOFailure.write) {
            guard disk.hasRoom(for: stored, of: offset + bytes.count) else { return SQLITE_FULL }
            stored.change(.write(offset: offset, bytes: bytes))
            return SQLITE_OK
        }
    }

    func truncate(to size: Int) -> Int32 {
        disk.change(.truncate, self, otherwise: IOFailure.truncate) {
            stored.change(.truncate(size: size))
            return SQLITE_OK
        }
    }

    func synchronize() -> Int32 {
        disk.change(.sync, self, otherwise: IOFailure.sync) {
            stored.synchronize()
            if syncsNames { disk.synchronizeNames() }
            syncsNames = false
            return SQLITE_OK
        }
    }

    func size(_ answer: inout Int64) -> Int32 {
        disk.onFile(self, otherwise: IOFailure.size) {
            answer = Int64(stored.size)
            return SQLITE_OK
        }
    }

    // MARK: Locks

    func lock(to level: Int32) -> Int32 {
        disk.onFile(self, otherwise: IOFailure.lock) { stored.locks.lock(id, to: level) }
    }

    func unlock(to level: Int32) -> Int32 {
        disk.onFile(self, otherwise: SQLITE_OK) {
            stored.locks.unlock(id, to: level)
            return SQLITE_OK
        }
    }

    func checkReserved(_ answer: inout Int32) -> Int32 {
        disk.onFile(self, otherwise: IOFailure.lock) {
            answer = stored.locks.isReserved ? 1 : 0
            return SQLITE_OK
        }
    }

    // MARK: Shared memory of the WAL

    func map(_ region: Int, size: Int, extend: Bool, _ answer: inout UnsafeMutableRawPointer?) -> Int32 {
        disk.onFile(self, otherwise: IOFailure.lock) {
            let memory = sharedMemory ?? stored.sharedMemory ?? SharedMemory()
            sharedMemory = memory
            stored.sharedMemory = memory
            unsafe answer = memory.region(region, size: size, extend: extend)
            return SQLITE_OK
        }
    }

    func lockShared(slots: UInt16, flags: Int32) -> Int32 {
        disk.onFile(self, otherwise: flags & SQLITE_SHM_UNLOCK != 0 ? SQLITE_OK : IOFailure.lock) {
            sharedMemory?.lock(id, slots: slots, flags: flags) ?? IOFailure.lock
        }
    }

    /// Also after a crash: SQLite lets go of memory that it mapped before.
    func unmap() {
        disk.exclusively {
            sharedMemory?.release(id)
            sharedMemory = nil
        }
    }
}

/// SQLite builds its extended codes with macros that do not import: primary | number << 8.
enum IOFailure {
    static let read = SQLITE_IOERR | 1 << 8
    static let shortRead = SQLITE_IOERR | 2 << 8
    static let write = SQLITE_IOERR | 3 << 8
    static let sync = SQLITE_IOERR | 4 << 8
    static let truncate = SQLITE_IOERR | 6 << 8
    static let size = SQLITE_IOERR | 7 << 8
    static let delete = SQLITE_IOERR | 10 << 8
    static let lock = SQLITE_IOERR | 15 << 8
    static let deleteMissing = SQLITE_IOERR | 23 << 8
}
