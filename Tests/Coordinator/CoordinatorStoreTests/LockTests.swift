import CoordinatorStore
import DroppingVFS
import Testing

/// One coordinator, or one restore, has the file.
struct LockTests {
    @Test func `a second coordinator is refused, and told what to do`() throws {
        try withStore { (store) throws in
            let error = #expect(throws: StoreError.self) { _ = try Store(path: store.path) }
            #expect(error?.code == .busy)
            #expect(error?.description.contains("stop that one first") == true)
            #expect(try store.write { try $0.client(clientID(1)) } == makeClient(1))
        }
    }

    @Test func `the lock goes with its holder`() throws {
        try withDatabase { (path) throws in
            for _ in 0..<3 { try Store(path: path).probe() }
        }
    }

    @Test func `a store that could not be opened leaves no lock`() throws {
        try withDatabase { (path) throws in
            try writeFile(path, [UInt8](repeating: 7, count: 4096))
            for _ in 0..<2 { #expect(storeFailure { _ = try Store(path: path) } == .foreign) }
        }
    }

    @Test func `a restore is kept out by a coordinator, and changes nothing`() throws {
        try withStore { (store) throws in
            let copy = store.path + ".copy"
            try backUp(database: store.path, to: copy)
            #expect(storeFailure { try restore(backup: copy, to: store.path) } == .busy)
            #expect(try store.write { try $0.client(clientID(1)) } == makeClient(1))
        }
    }

    @Test func `readers and upkeep need no lock`() throws {
        try withStore { (store) throws in
            _ = try TestReader(at: store.path)
            var upkeep = try Upkeep(path: store.path)
            _ = try upkeep.checkpoint()
        }
    }

    // MARK: The mark of a clean stop

    @Test func `an unclean stop is told at the next start, a clean one is not`() throws {
        try withDatabase { (path) throws in
            func start() throws -> Bool { try Store(path: path).write { try $0.markOpen() } }
            #expect(try start() == false)
            #expect(try start())
            #expect(try start())
            try Store(path: path).write { try $0.markClosed() }
            #expect(try start() == false)
        }
    }

    // MARK: Upkeep

    @Test func `upkeep empties the wal while the store is open, and the store counts what is in it`() throws {
        try withStore { (store) throws in
            for number in 1...20 { try store.save(makeServing(number)) }
            #expect(store.store.framesInWAL > 20)
            var upkeep = try Upkeep(path: store.path)
            #expect(try upkeep.checkpoint() == 0)
            try store.save(makeServing(21))
            // The WAL began anew.
            #expect(store.store.framesInWAL < 20)
            try upkeep.optimize()
            #expect(try store.load(21) == makeServing(21))
        }
    }

    @Test func `the writer itself can have the wal begin anew`() throws {
        try withStore { (store) throws in
            for number in 1...20 { try store.save(makeServing(number)) }
            #expect(store.store.framesInWAL > 20)
            try store.store.checkpoint()
            try store.save(makeServing(21))
            #expect(store.store.framesInWAL < 20)
            #expect(try store.load(21) == makeServing(21))
        }
    }

    @Test func `a checkpoint that failed is made good by the next`() throws {
        let disk = DroppingDisk(seed: 3)
        let store = try Store(path: "/store", vfs: disk.name)
        try store.write { try $0.insert(makeClient(1)) }
        var upkeep = try Upkeep(path: "/store", vfs: disk.name)
        disk.fail(.sync)
        #expect(throws: StoreError.self) { _ = try upkeep.checkpoint() }
        #expect(try upkeep.checkpoint() == 0)
        disk.crash(keeping: .onlySynced)
        let reopened = try Store(path: "/store", vfs: disk.name)
        let client = try reopened.write { try $0.client(clientID(1)) }
        #expect(client == makeClient(1))
    }

    @Test func `a hole that a failed sync left in the wal is closed by the next start`() throws {
        let disk = DroppingDisk(seed: 3)
        do {
            let store = try Store(path: "/store", vfs: disk.name)
            try store.write { try $0.insert(makeClient(1)) }
            disk.fail(.sync)
            #expect(throws: StoreError.self) { try store.write { try $0.insert(makeClient(2)) } }
        }
        let store = try Store(path: "/store", vfs: disk.name)
        try store.write { try $0.insert(makeClient(3)) }
        disk.crash(keeping: .onlySynced)
        let reopened = try Store(path: "/store", vfs: disk.name)
        let clients = try reopened.write { store in
            try (1...3).map { try store.client(clientID($0))?.name }
        }
        #expect(clients.first == "client 1" && clients.last == "client 3")
    }
}
