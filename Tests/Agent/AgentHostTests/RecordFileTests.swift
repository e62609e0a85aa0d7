import Glibc
import Platform
import TestSupport
import Testing

@testable import AgentHost

/// What is there after a crash, a fault of the disk, or another hand in the file.
struct RecordFileTests {
    private static let batches: [[[UInt8]]] = [
        [Array("one".utf8)], [Array("two".utf8), Array("three".utf8), Array("four".utf8)], [Array("".utf8)],
        [Array("five \u{1F600}".utf8), Array("six".utf8)],
    ]
    private static let lines = batches.flatMap { $0 }

    @Test func `what was written is read, and the checksum is the usual one`() {
        let text = RecordFile.text(of: Self.batches)
        #expect(
            RecordFile.content(of: text) == RecordFile.Content(lines: Self.lines, damaged: 0, goodBytes: text.count))
        #expect(crc32(Array("123456789".utf8)[...]) == 0xCBF4_3926)
    }

    @Test func `cut off at any byte, whole batches are there and no parts of one`() {
        let text = RecordFile.text(of: Self.batches)
        let whole = [0, 1, 4, 5, 7]
        for end in 0...text.count {
            let content = RecordFile.content(of: Array(text.prefix(end)))
            #expect(whole.contains(content.lines.count), "\(end)")
            #expect(content.lines == Array(Self.lines.prefix(content.lines.count)))
            #expect(content.damaged == 0)
            #expect(content.goodBytes <= end)
        }
    }

    @Test func `a damaged byte costs its own batch, or at most makes one of two lines`() {
        let text = RecordFile.text(of: Self.batches)
        for place in text.indices {
            var damaged = text
            damaged[place] ^= 0x04
            let content = RecordFile.content(of: damaged)
            #expect(content.lines.count >= 2, "\(place)")
            for line in content.lines { #expect(Self.lines.contains(line)) }
        }
    }

    @Test func `what a crash cut off is gone from the file before anything is added`() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/state.log"
            let text = RecordFile.text(of: Self.batches)
            for end in [0, 3, text.count - 20, text.count - 1, text.count] {
                try replaceFile(path, with: Array(text.prefix(end)))
                let before = RecordFile.content(of: Array(text.prefix(end)))
                let shelf = Shelf(path: path)
                #expect(shelf.carryOut(.append([[Array("new".utf8)]])) == .done(isLong: false))
                let after = try #require(try RecordFile.read(path))
                #expect(after.lines == before.lines + [Array("new".utf8)])
                #expect(after.damaged == 0)
            }
        }
    }

    @Test(arguments: [Shelf.Job.append([[Array("secret".utf8)]]), .replace([Array("secret".utf8)], aside: nil)])
    func `the file is readable by its owner alone`(job: Shelf.Job) throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/state.log"
            #expect(Shelf(path: path).carryOut(job) == .done(isLong: false))
            let isOpen = try SecretFile(path).isReadableByEveryone
            #expect(!isOpen)
        }
    }

    // MARK: The recorder

    /// A recorder on a loop, and what it told.
    private final class Scene {
        let loop = PollLoop()
        let path: String
        var all: [[UInt8]] = []
        var told: [Recorder.Report] = []
        private(set) var recorder: Recorder?

        init(
            _ path: String, disk: DiskThread? = nil, patience: Duration = Recorder.usualPatience
        ) throws {
            self.path = path
            let disk = try disk ?? DiskThread(capacity: 4)
            recorder = try Recorder(loop: loop, disk: disk, path: path, patience: patience) { [unowned self] in
                all
            } tell: { [unowned self] in
                told.append($0)
            }
        }

        func record(_ lines: String...) {
            let batch = lines.map { Array($0.utf8) }
            all += batch
            recorder?.record(batch)
        }

        func waitFor(_ report: Recorder.Report) throws {
            guard loop.run(until: { told.contains(report) }) else { throw TestSupportError("\(report): only \(told)") }
        }
    }

    @Test func `batches are told when they are on the disk, several of them at once`() throws {
        try withTemporaryFolder { folder in
            let scene = try Scene("\(folder)/state.log")
            for number in 1...50 { scene.record("\(number)", "and \(number)") }
            try scene.waitFor(.recorded(50))
            #expect(scene.told.count < 10)
            #expect(try Recorder.remembered(at: scene.path).lines == scene.all)
        }
    }

    @Test func `a disk that does not take it is told, and what was to be remembered is there once it does`() throws {
        try withTemporaryFolder { folder in
            let scene = try Scene("\(folder)/missing/state.log")
            scene.record("one")
            #expect(scene.loop.run(until: { !scene.told.isEmpty }))
            guard case .failed(let reason)? = scene.told.first else { return #expect(Bool(false), "\(scene.told)") }
            #expect(reason.contains("missing/state.log"))
            scene.record("two")
            unsafe mkdir("\(folder)/missing", 0o700)
            try scene.waitFor(.recorded(2))
            #expect(try Recorder.remembered(at: scene.path).lines == scene.all)
        }
    }

    @Test func `a disk that hangs is told of, once for each write, and waited for`() throws {
        try withTemporaryFolder { folder in
            let disk = try DiskThread(capacity: 4)
            let thaw = Latch("the disk answers again")
            #expect(disk.submit { try? thaw.wait() })
            let scene = try Scene("\(folder)/state.log", disk: disk, patience: .milliseconds(20))
            scene.record("one")
            #expect(scene.loop.run { !scene.told.isEmpty })
            guard case .failed(let reason)? = scene.told.first else { return #expect(Bool(false), "\(scene.told)") }
            #expect(reason.contains("has not answered"))
            thaw.open()
            try scene.waitFor(.recorded(1))
            #expect(scene.told.count == 2)
            #expect(try Recorder.remembered(at: scene.path).lines == scene.all)
        }
    }

    @Test func `a file that has become long is written anew from what it comes to`() throws {
        try withTemporaryFolder { folder in
            let scene = try Scene("\(folder)/state.log")
            let long = String(repeating: "x", count: 300_000)
            for _ in 0..<5 { scene.record(long) }
            scene.all = [Array("what it comes to".utf8)]
            try scene.waitFor(.recorded(5))
            #expect(scene.loop.run(until: { ((try? Recorder.remembered(at: scene.path).lines.count) ?? 0) == 1 }))
            scene.record("more")
            try scene.waitFor(.recorded(6))
            #expect(try Recorder.remembered(at: scene.path).lines == scene.all)
        }
    }

    @Test func `what is another machine's is put aside`() throws {
        try withTemporaryFolder { folder in
            let scene = try Scene("\(folder)/state.log")
            scene.record("old")
            try scene.waitFor(.recorded(1))
            scene.all = []
            scene.recorder?.putAside(as: "i-0123456789abcdef0")
            scene.record("new")
            try scene.waitFor(.recorded(2))
            #expect(try Recorder.remembered(at: scene.path).lines == [Array("new".utf8)])
            #expect(try Recorder.remembered(at: "\(scene.path).i-0123456789abcdef0").lines == [Array("old".utf8)])
        }
    }

    @Test func `what is another machine's is put aside also while it is being written`() throws {
        try withTemporaryFolder { folder in
            let scene = try Scene("\(folder)/state.log")
            scene.record("old")
            scene.all = []
            scene.recorder?.putAside(as: "i-0123456789abcdef0")
            scene.record("new")
            try scene.waitFor(.recorded(2))
            #expect(try Recorder.remembered(at: scene.path).lines == [Array("new".utf8)])
            #expect(try Recorder.remembered(at: "\(scene.path).i-0123456789abcdef0").lines == [Array("old".utf8)])
        }
    }

    @Test func `for a disk that takes nothing for long only what it comes to is kept`() throws {
        try withTemporaryFolder { folder in
            let scene = try Scene("\(folder)/missing/state.log")
            let long = String(repeating: "x", count: 100_000)
            for _ in 0..<40 { scene.record(long) }
            #expect(scene.loop.run(until: { !scene.told.isEmpty }))
            scene.all = [Array("what it comes to".utf8)]
            unsafe mkdir("\(folder)/missing", 0o700)
            try scene.waitFor(.recorded(40))
            #expect(try Recorder.remembered(at: scene.path).lines == scene.all)
        }
    }
}
