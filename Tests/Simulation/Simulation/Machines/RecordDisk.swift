import AgentCore
import AgentHost
import JSON

/// The disk that one machine's agent remembers on: takes batches as `AgentHost.Recorder` does, in the real form of its file, and
/// loses at a crash what a real one may lose.
final class RecordDisk {
    enum Report { case recorded(batches: Int), failed(String) }

    private let agenda: Agenda
    private let chance: Chance
    /// What is on it for certain.
    private var file: [UInt8] = []
    /// What that comes to, and what was given to it since, batch by batch: what a crash leaves is the one with some of the others.
    private(set) var kept = Memory()
    private var given: [[Entry]] = []

    var isFull = false
    var writeTakes = Duration.milliseconds(4)

    // One process of the agent.
    private var life = 0
    private var pending: [[Entry]] = []
    private var asked = 0
    private var write: [UInt8]?
    private var mustReplace = false
    private var isWaiting = false
    /// Bytes of the last write.
    private var lastText = 0
    private var snapshot: () -> Memory = { Memory() }
    private var report: (Report) -> Void = { _ in }

    private static let retryAfter = Duration.seconds(1)
    private static let patience = Duration.seconds(5)

    private let mutations: Mutations

    init(_ agenda: Agenda, _ chance: Chance, _ mutations: Mutations) {
        self.agenda = agenda
        self.chance = chance
        self.mutations = mutations
    }

    /// A copy, as a machine that is started from an image finds it.
    func clone(into other: RecordDisk) {
        (other.file, other.kept, other.given) = (file, kept, given)
    }

    // MARK: A process of the agent

    /// What is remembered, and whether some of it was damaged.
    func open(
        snapshot: @escaping () -> Memory, report: @escaping (Report) -> Void
    ) -> (memory: Memory, isDamaged: Bool) {
        self.snapshot = snapshot
        self.report = report
        let content = RecordFile.content(of: file)
        file = Array(file.prefix(content.goodBytes))
        var damaged = content.damaged
        let entries = content.lines.compactMap { line -> Entry? in
            if let entry = try? decodeJSON(Entry.self, from: line) { return entry }
            damaged += 1
            return nil
        }
        return (Memory(replaying: entries), damaged > 0)
    }

    /// Whether `memory` is what was kept with the first so many of what was only given: nothing that was kept may be missing.
    func explains(_ memory: Memory) -> Bool {
        var expected = kept
        if memory == expected { return true }
        for batch in given {
            for entry in batch { expected.apply(entry) }
            if memory == expected { return true }
        }
        return false
    }

    /// From here on it is what `memory` says.
    func settle(on memory: Memory) {
        kept = memory
        given = []
    }

    func record(_ entries: [Entry]) {
        asked += 1
        pending.append(entries)
        given.append(entries)
        begin()
    }

    func putAside() {
        mustReplace = true
        begin()
    }

    /// The process is killed: of the write that is under way any part may be there.
    func crash() {
        life += 1
        if mutations.are(.recordTailLost) { file.removeLast(lastText) }
        lastText = 0
        if let write, !isFull, !mustReplace { file += write.prefix(chance.whole(0...write.count)) }
        (pending, asked, write, mustReplace, isWaiting) = ([], 0, nil, false, false)
    }

    // MARK: Writing

    private func begin() {
        guard write == nil, !isWaiting, mustReplace || !pending.isEmpty else { return }
        let isReplacement = mustReplace
        let memory = snapshot()
        let batches = isReplacement ? [memory.entries] : pending
        let written = batches.map(mutations.written).filter { !$0.isEmpty }
        let text = RecordFile.text(of: written.map { $0.map(encodeJSON) })
        (write, pending) = (text, [])
        let (number, upTo) = (life, asked)
        let takes = chance.tailed(writeTakes)
        if takes > Self.patience {
            agenda.plan(after: Self.patience) { [self] in
                if life == number { report(.failed("the disk has not answered in time")) }
            }
        }
        if mutations.are(.recordedBeforeWritten), !isReplacement { keep(batches, upTo) }
        agenda.plan(after: takes) { [self] in
            guard life == number else { return }
            write = nil
            if isFull { return takeBack(isReplacement ? [] : batches) }
            if isReplacement {
                (file, kept, mustReplace, lastText) = (text, memory, false, 0)
                keep([], upTo)
            } else {
                file += text
                lastText = text.count
                if !mutations.are(.recordedBeforeWritten) { keep(batches, upTo) }
            }
            begin()
        }
    }

    private func keep(_ batches: [[Entry]], _ upTo: Int) {
        for entry in batches.joined() { kept.apply(entry) }
        given.removeFirst(given.count - (asked - upTo))
        report(.recorded(batches: upTo))
    }

    private func takeBack(_ batches: [[Entry]]) {
        pending = batches + pending
        isWaiting = true
        let number = life
        report(.failed("no space left on the disk"))
        agenda.plan(after: Self.retryAfter) { [self] in
            guard life == number else { return }
            isWaiting = false
            begin()
        }
    }
}
