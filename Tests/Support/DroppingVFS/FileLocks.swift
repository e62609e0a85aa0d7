import CSQLite

/// The locks of one file, as https://sqlite.org/lockingv3.html describes them. Guarded by the lock of the disk.
final class FileLocks {
    private var levels: [ObjectIdentifier: Int32] = [:]

    func lock(_ holder: ObjectIdentifier, to level: Int32) -> Int32 {
        let mine = levels[holder] ?? SQLITE_LOCK_NONE
        guard mine < level else { return SQLITE_OK }
        let others = levels.filter { $0.key != holder }.values.max() ?? SQLITE_LOCK_NONE
        if level == SQLITE_LOCK_EXCLUSIVE && others == SQLITE_LOCK_SHARED {
            // Keeps new readers out until those that are in have left.
            levels[holder] = SQLITE_LOCK_PENDING
            return SQLITE_BUSY
        }
        let allowed =
            switch level {
            case SQLITE_LOCK_SHARED: SQLITE_LOCK_RESERVED
            case SQLITE_LOCK_RESERVED: SQLITE_LOCK_SHARED
            default: SQLITE_LOCK_NONE
            }
        guard others <= allowed else { return SQLITE_BUSY }
        levels[holder] = level
        return SQLITE_OK
    }

    func unlock(_ holder: ObjectIdentifier, to level: Int32) {
        guard let mine = levels[holder], mine > level else { return }
        levels[holder] = level == SQLITE_LOCK_NONE ? nil : level
    }

    var isReserved: Bool { levels.values.contains { $0 >= SQLITE_LOCK_RESERVED } }
}

/// The memory that the connections to one WAL share, and its locks. On a real system it is the `-shm` file, which SQLite
/// never relies on after a crash. Guarded by the lock of the disk; the regions themselves are SQLite's to guard.
@safe final class SharedMemory {
    private struct Held {
        var shared: UInt16 = 0
        var exclusive: UInt16 = 0
    }

    private var regions: [UnsafeMutableRawPointer] = unsafe []
    private var held: [ObjectIdentifier: Held] = [:]

    deinit {
        while let region = unsafe regions.popLast() { unsafe region.deallocate() }
    }

    /// `nil` when the region is not there and may not be made.
    func region(_ index: Int, size: Int, extend: Bool) -> UnsafeMutableRawPointer? {
        while unsafe regions.count <= index {
            guard extend else { return nil }
            let region = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
            unsafe region.initializeMemory(as: UInt8.self, repeating: 0, count: size)
            unsafe regions.append(region)
        }
        return unsafe regions[index]
    }

    func lock(_ holder: ObjectIdentifier, slots: UInt16, flags: Int32) -> Int32 {
        var mine = held[holder] ?? Held()
        defer { held[holder] = mine }
        if flags & SQLITE_SHM_UNLOCK != 0 {
            mine.shared &= ~slots
            mine.exclusive &= ~slots
            return SQLITE_OK
        }
        let isShared = flags & SQLITE_SHM_SHARED != 0
        for other in held where other.key != holder {
            let blocking = isShared ? other.value.exclusive : other.value.exclusive | other.value.shared
            guard blocking & slots == 0 else { return SQLITE_BUSY }
        }
        if isShared { mine.shared |= slots } else { mine.exclusive |= slots }
        return SQLITE_OK
    }

    func release(_ holder: ObjectIdentifier) { held[holder] = nil }
}
