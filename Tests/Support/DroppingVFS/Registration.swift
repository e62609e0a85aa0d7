import CSQLite
import Glibc

/// A disk's entry in SQLite's list of VFSs, for as long as the disk lives.
@safe final class Registration {
    private let vfs: UnsafeMutablePointer<sqlite3_vfs>
    private let methods: UnsafeMutablePointer<sqlite3_io_methods>

    init(for disk: DroppingDisk, named name: String) {
        unsafe vfs = .allocate(capacity: 1)
        unsafe methods = .allocate(capacity: 1)
        unsafe methods.initialize(to: makeMethods())
        unsafe vfs.initialize(to: makeVFS())
        unsafe vfs.pointee.zName = UnsafePointer(strdup(name))
        unsafe vfs.pointee.pAppData = unsafe UnsafeMutableRawPointer(
            Unmanaged.passRetained(Context(disk, methods)).toOpaque())
        let code = unsafe sqlite3_vfs_register(vfs, 0)
        precondition(code == SQLITE_OK, "register a VFS: sqlite \(code)")
    }

    deinit {
        unsafe sqlite3_vfs_unregister(vfs)
        if let context = unsafe vfs.pointee.pAppData {
            unsafe Unmanaged<Context>.fromOpaque(context).release()
        }
        unsafe free(UnsafeMutableRawPointer(mutating: vfs.pointee.zName))
        unsafe vfs.deallocate()
        unsafe methods.deallocate()
    }
}

/// What SQLite hands to the functions of a VFS.
@safe private final class Context {
    // Weak, as the disk owns the registration; an open file holds the disk itself.
    private weak let weakDisk: DroppingDisk?
    let methods: UnsafePointer<sqlite3_io_methods>

    init(_ disk: DroppingDisk, _ methods: UnsafePointer<sqlite3_io_methods>) {
        weakDisk = disk
        unsafe self.methods = methods
    }

    var disk: DroppingDisk {
        guard let weakDisk else { preconditionFailure("a database is opened on a disk that is gone") }
        return weakDisk
    }
}

private func context(_ vfs: UnsafeMutablePointer<sqlite3_vfs>?) -> Context {
    guard let context = unsafe vfs?.pointee.pAppData else { preconditionFailure("a VFS without its disk") }
    return unsafe Unmanaged<Context>.fromOpaque(context).takeUnretainedValue()
}

private func subclass(_ file: UnsafeMutablePointer<sqlite3_file>?) -> UnsafeMutablePointer<csqlite_file> {
    guard let file = UnsafeMutableRawPointer(file) else { preconditionFailure("SQLite names no file") }
    return unsafe file.assumingMemoryBound(to: csqlite_file.self)
}

private func open(_ file: UnsafeMutablePointer<sqlite3_file>?) -> OpenFile {
    guard let context = unsafe subclass(file).pointee.context else { preconditionFailure("a file that is not open") }
    return unsafe Unmanaged<OpenFile>.fromOpaque(context).takeUnretainedValue()
}

private func makeVFS() -> sqlite3_vfs {
    var vfs = unsafe sqlite3_vfs()
    unsafe vfs.iVersion = 2
    unsafe vfs.szOsFile = Int32(MemoryLayout<csqlite_file>.size)
    unsafe vfs.mxPathname = 512
    unsafe vfs.xOpen = { vfs, name, file, flags, outFlags in
        let context = unsafe context(vfs)
        let target = unsafe subclass(file)
        unsafe target.pointee.base.pMethods = nil
        let path = unsafe name.map { unsafe String(cString: $0) }
        guard let opened = context.disk.open(path, flags: flags) else { return SQLITE_CANTOPEN }
        unsafe target.pointee.context = Unmanaged.passRetained(opened).toOpaque()
        unsafe target.pointee.base.pMethods = context.methods
        unsafe outFlags?.pointee = flags
        return SQLITE_OK
    }
    unsafe vfs.xDelete = { vfs, name, durably in
        guard let name = unsafe name else { return SQLITE_OK }
        return unsafe context(vfs).disk.delete(String(cString: name), durably: durably != 0)
    }
    unsafe vfs.xAccess = { vfs, name, _, answer in
        let exists = unsafe name.map { unsafe context(vfs).disk.exists(String(cString: $0)) } ?? false
        unsafe answer?.pointee = exists ? 1 : 0
        return SQLITE_OK
    }
    unsafe vfs.xFullPathname = { _, name, capacity, answer in
        guard let name = unsafe name, let answer = unsafe answer, unsafe strlen(name) < Int(capacity) else {
            return SQLITE_CANTOPEN
        }
        unsafe strcpy(answer, name)
        return SQLITE_OK
    }
    unsafe vfs.xRandomness = { vfs, count, bytes in
        let disk = unsafe context(vfs).disk
        for index in 0..<Int(count) { unsafe bytes?[index] = CChar(bitPattern: disk.random()) }
        return count
    }
    unsafe vfs.xSleep = { vfs, microseconds in
        unsafe context(vfs).disk.sleep(microseconds: microseconds)
        return microseconds
    }
    unsafe vfs.xCurrentTimeInt64 = { vfs, answer in
        unsafe answer?.pointee = context(vfs).disk.now
        return SQLITE_OK
    }
    unsafe vfs.xCurrentTime = { vfs, answer in
        unsafe answer?.pointee = Double(context(vfs).disk.now) / 86_400_000
        return SQLITE_OK
    }
    unsafe vfs.xGetLastError = { _, _, _ in 0 }
    return unsafe vfs
}

private func makeMethods() -> sqlite3_io_methods {
    var methods = sqlite3_io_methods()
    methods.iVersion = 2
    unsafe methods.xClose = { file in
        unsafe open(file).close()
        guard let context = unsafe subclass(file).pointee.context else { return SQLITE_OK }
        unsafe subclass(file).pointee.context = nil
        unsafe Unmanaged<OpenFile>.fromOpaque(context).release()
        return SQLITE_OK
    }
    unsafe methods.xRead = { file, buffer, count, offset in
        let bytes = unsafe UnsafeMutableRawBufferPointer(start: buffer, count: Int(count))
        return unsafe open(file).read(into: bytes, at: Int(offset))
    }
    unsafe methods.xWrite = { file, bytes, count, offset in
        let written = unsafe Array(UnsafeRawBufferPointer(start: bytes, count: Int(count)))
        return unsafe open(file).write(written, at: Int(offset))
    }
    unsafe methods.xTruncate = { file, size in unsafe open(file).truncate(to: Int(size)) }
    unsafe methods.xSync = { file, _ in unsafe open(file).synchronize() }
    unsafe methods.xFileSize = { file, answer in
        var size: Int64 = 0
        let code = unsafe open(file).size(&size)
        unsafe answer?.pointee = size
        return code
    }
    unsafe methods.xLock = { file, level in unsafe open(file).lock(to: level) }
    unsafe methods.xUnlock = { file, level in unsafe open(file).unlock(to: level) }
    unsafe methods.xCheckReservedLock = { file, answer in
        var isReserved: Int32 = 0
        let code = unsafe open(file).checkReserved(&isReserved)
        unsafe answer?.pointee = isReserved
        return code
    }
    unsafe methods.xFileControl = { _, _, _ in SQLITE_NOTFOUND }
    unsafe methods.xSectorSize = { _ in Int32(StoredFile.sector) }
    unsafe methods.xDeviceCharacteristics = { _ in 0 }
    unsafe methods.xShmMap = { file, region, size, extend, answer in
        var memory: UnsafeMutableRawPointer?
        let code = unsafe open(file).map(Int(region), size: Int(size), extend: extend != 0, &memory)
        unsafe answer?.pointee = unsafe memory
        return code
    }
    unsafe methods.xShmLock = { file, first, count, flags in
        let slots = UInt16(truncatingIfNeeded: ((1 << count) - 1) << first)
        return unsafe open(file).lockShared(slots: slots, flags: flags)
    }
    // A lock taken and released is a full barrier.
    unsafe methods.xShmBarrier = { file in unsafe open(file).disk.exclusively {} }
    unsafe methods.xShmUnmap = { file, _ in
        unsafe open(file).unmap()
        return SQLITE_OK
    }
    return methods
}
