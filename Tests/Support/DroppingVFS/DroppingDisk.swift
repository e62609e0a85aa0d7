import CSQLite
import Platform
import Synchronization

/// What a crash leaves of what was not synced.
package enum Survival: Sendable {
    /// Nothing of it.
    case onlySynced
    /// Some of it, atom by atom, in any order, with a sector destroyed now and then: what a real disk may do.
    case someUnsynced
}

/// A disk in memory for SQLite that keeps only what was synced when it crashes.
///
/// Killing a process cannot show a missing sync, because the kernel keeps what was written. Here a write counts once its
/// file is synced, and a new or removed name once its folder is: `xSync` of a journal or a WAL and `xDelete` that asks for
/// it do that, as SQLite's own Unix VFS does. No promise is made to SQLite about the device: no atomic write, no order, and
/// a write that is cut off may destroy its whole sector of 4096 bytes.
///
/// Everything random comes from the seed, the time stands still, and waiting takes none; so a run in one thread repeats.
/// Any thread may use it. Open a database on it with `options.vfs = disk.name`.
@safe package final class DroppingDisk: @unchecked Sendable {
    // Unchecked: every variable below is only touched under `lock`.

    /// A step that changes the disk; each may be the one at which the power goes.
    package enum Operation: Hashable, Sendable, CaseIterable {
        case write, truncate, sync, delete
    }

    package let name: String
    private let lock = Locked(())
    private var registration: Registration?
    private var chance: SeededGenerator
    private var names: [String: StoredFile] = [:]
    private var durableNames: [String: StoredFile] = [:]
    /// `nil` is a removal. Since the folder was last synced, in order.
    private var pendingNames: [(name: String, file: StoredFile?)] = []
    /// Rises with each crash; a file opened before it is dead.
    private var generation = 0
    private var operationsLeft: Int?
    private var isOff = false
    private var space: Int?
    private var faults: [Operation: Int] = [:]
    private var counts: [Operation: Int] = [:]
    private var observer: (@Sendable (Operation) -> Void)?
    private var milliseconds: Int64 = 212_600_000_000_000

    package init(seed: UInt64) {
        name = "dropping-\(registrations.add(1, ordering: .relaxed).newValue)"
        chance = SeededGenerator(seed: seed)
        registration = Registration(for: self, named: name)
    }

    // MARK: What tests do to it

    /// After `operations` more operations the power goes: that operation and everything later fails, until `crash`.
    package func cutPower(after operations: Int) { lock.withLock { _ in operationsLeft = operations } }

    package var isPowerOff: Bool { lock.withLock { _ in isOff } }

    /// The machine stops and starts again. Whoever has a file open gets nothing but failures from it and should close it;
    /// what survived is there for those who open it anew.
    package func crash(keeping survival: Survival) {
        lock.withLock { _ in
            generation += 1
            isOff = false
            operationsLeft = nil
            faults = [:]
            var survivors = durableNames
            if survival == .someUnsynced {
                for (name, file) in pendingNames where !chance.chance(oneIn: 2) { survivors[name] = file }
            }
            // Sorted: the order of a dictionary differs from process to process, and each file takes from the chance.
            durableNames = [:]
            for (name, file) in survivors.sorted(by: { $0.key < $1.key }) {
                durableNames[name] = file.survivor(survival, &chance)
            }
            names = durableNames
            pendingNames = []
        }
    }

    /// The bytes that all files together may have; `nil` is no limit.
    package func limitSpace(to bytes: Int?) { lock.withLock { _ in space = bytes } }

    /// The space used now.
    package var usedSpace: Int { lock.withLock { _ in names.values.reduce(0) { $0 + $1.size } } }

    /// Makes one operation of that kind fail, after `count` that succeed. What a failed sync should have written is lost
    /// at the next crash even if a later sync succeeds, as on Linux.
    package func fail(_ operation: Operation, after count: Int = 0) { lock.withLock { _ in faults[operation] = count } }

    /// What was to fail and has not, does not.
    package func failNoMore() { lock.withLock { _ in faults = [:] } }

    package func count(of operation: Operation) -> Int { lock.withLock { _ in counts[operation] ?? 0 } }

    /// Calls `observer` before each operation, on the thread that asked for it and outside the disk's lock: to slow it
    /// down, to stop it at a place, or to record it.
    package func observe(_ observer: (@Sendable (Operation) -> Void)?) {
        lock.withLock { _ in self.observer = observer }
    }

    /// The content of a file as programs see it.
    package func content(of path: String) -> [UInt8]? { lock.withLock { _ in names[path]?.content } }

    /// Replaces or makes a file, durably, as if it had been there before.
    package func put(_ content: [UInt8], at path: String) {
        lock.withLock { _ in
            let file = StoredFile(content: content)
            names[path] = file
            durableNames[path] = file
        }
    }

    // MARK: What SQLite asks of it

    /// Runs one step on an open file unless the power is off or the file is from before a crash.
    func onFile(_ file: OpenFile, otherwise failure: Int32, _ body: () -> Int32) -> Int32 {
        lock.withLock { _ in isOff || file.generation != generation ? failure : body() }
    }

    func exclusively(_ body: () -> Void) { lock.withLock { _ in body() } }

    /// As `onFile`, for a step that changes the disk.
    func change(_ operation: Operation, _ file: OpenFile?, otherwise failure: Int32, _ body: () -> Int32) -> Int32 {
        lock.withLock { _ in observer }?(operation)
        return lock.withLock { _ in
            guard !isOff, file == nil || file?.generation == generation else { return failure }
            if let left = operationsLeft {
                operationsLeft = left - 1
                isOff = left <= 0
            }
            counts[operation, default: 0] += 1
            if let left = faults[operation] {
                faults[operation] = left > 0 ? left - 1 : nil
                if left <= 0 {
                    if operation == .sync && !isOff { file?.stored.failSynchronize() }
                    return failure
                }
            }
            // The last operation before the dark did begin: a write is under way and may survive, a sync does not count.
            if isOff && operation != .write { return failure }
            let code = body()
            return isOff ? failure : code
        }
    }

    func open(_ path: String?, flags: Int32) -> OpenFile? {
        lock.withLock { _ in
            guard !isOff else { return nil }
            guard let path else { return OpenFile(self, StoredFile(), generation) }
            if let known = names[path] {
                guard flags & SQLITE_OPEN_EXCLUSIVE == 0 else { return nil }
                return OpenFile(self, known, generation, path: path, flags: flags)
            }
            guard flags & SQLITE_OPEN_CREATE != 0 else { return nil }
            let made = StoredFile()
            names[path] = made
            pendingNames.append((path, made))
            return OpenFile(self, made, generation, path: path, flags: flags)
        }
    }

    /// Under the lock.
    func synchronizeNames() {
        durableNames = names
        pendingNames = []
    }

    func delete(_ path: String, durably: Bool) -> Int32 {
        change(.delete, nil, otherwise: IOFailure.delete) {
            guard names.removeValue(forKey: path) != nil else { return IOFailure.deleteMissing }
            pendingNames.append((path, nil))
            if durably { synchronizeNames() }
            return SQLITE_OK
        }
    }

    /// SQLite's Unix VFS, too, takes an empty file for none.
    func exists(_ path: String) -> Bool { lock.withLock { _ in !isOff && (names[path]?.size ?? 0) > 0 } }

    /// Under the lock: whether the disk has room for a file of `size` in place of `file`.
    func hasRoom(for file: StoredFile, of size: Int) -> Bool {
        guard let space, size > file.size else { return true }
        return names.values.reduce(size - file.size) { $0 + $1.size } <= space
    }

    func random() -> UInt8 { lock.withLock { _ in UInt8.random(in: 0...255, using: &chance) } }

    /// Milliseconds as SQLite counts them, since noon of 24 November 4714 BC.
    var now: Int64 { lock.withLock { _ in milliseconds } }

    func sleep(microseconds: Int32) { lock.withLock { _ in milliseconds += Int64(microseconds) / 1000 } }
}

// Names must be unique in a process: SQLite's list of VFSs is global.
private let registrations = Atomic(0)
