import Glibc
import JSON
import TestSupport
import Testing

@testable import Platform

struct LogTests {
    @Test func `an entry less important than the threshold is not even made`() {
        let sink = RecordingSink()
        var made = 0
        func field() -> LogField {
            made += 1
            return .field("SPOT_AGENT", "a")
        }
        let log = Log(to: sink, threshold: .notice)
        log.info("quiet", [field()])
        log.debug("quiet", [field()])
        #expect(made == 0)
        log.notice("heard", [field()])
        log.error("heard", [field()])
        #expect(made == 2)
        #expect(sink.entries.map(\.level) == [.notice, .error])
    }

    @Test func `a child log adds its fields to those it was made from`() {
        let sink = RecordingSink()
        let log = Log(to: sink).adding([.field("SPOT_AGENT", "a")]).adding([.field("SPOT_COMMAND", 7)])
        log.warning("late", [.field("SPOT_DEADLINE_LEFT_MS", -3)])
        #expect(
            sink.entries.first?.fields == [
                .field("SPOT_AGENT", "a"), .field("SPOT_COMMAND", "7"), .field("SPOT_DEADLINE_LEFT_MS", "-3"),
            ])
    }

    @Test func `a long value is cut between characters and says how much is missing`() {
        let field = LogField.field("X", String(repeating: "é", count: 1_025))
        #expect(field.value == String(repeating: "é", count: 1_024) + "… (2 bytes more)")
        #expect(LogField.field("X", "a" + String(repeating: "é", count: 1_024)).value.hasSuffix("é… (2 bytes more)"))
        let fitting = String(repeating: "x", count: LogField.valueLimit)
        #expect(LogField.field("X", fitting).value == fitting)
    }

    @Test func `a name that the journal would refuse traps`() async {
        await #expect(processExitsWith: .failure) { _ = LogField.field("_HIDDEN", "x") }
        await #expect(processExitsWith: .failure) { _ = LogField.field("lower", "x") }
        await #expect(processExitsWith: .failure) { _ = LogField.field("PRIORITY", "0") }
        await #expect(processExitsWith: .failure) { _ = MessageID("not hex") }
    }

    @Test func `the next entry that gets through is preceded by the number of those that did not`() {
        let outcomes = ScriptedTransport.Script(fails: [false, true, true, true, false])
        let sink = DropCountingSink(ScriptedTransport(script: outcomes))
        let log = Log(to: sink)
        // Delivered; dropped; its telling dropped twice; then told and delivered; the last one with nothing to tell.
        for _ in 0..<6 { log.info("tick") }
        #expect(outcomes.delivered == ["tick", "log entries dropped 3", "tick", "tick"])
    }
}

struct LineTests {
    private let start = Timestamp(nanosecondsSinceEpoch: 1_795_179_900_250_999_999)

    private func line(_ message: StaticString, _ fields: [LogField], level: LogLevel = .notice) -> String {
        let entry = LogEntry(level: level, message: message, id: nil, fields: fields)
        return String(decoding: LineTransport.format(entry, at: start, leavingOut: "SPOT_"), as: UTF8.self)
    }

    @Test func `an entry reads as time, level, message and fields without their common prefix`() {
        let text = line("agent registered", [.field("SPOT_AGENT", "web-1"), .field("ERRNO", 13)])
        #expect(text == "2026-11-20T13:05:00.250Z notice agent registered agent=web-1 errno=13\n")
    }

    @Test(arguments: [
        ("", "\"\""), ("two words", "\"two words\""), ("a=b", "\"a=b\""), ("say \"x\"", #""say \"x\"""#),
        ("back\\slash", #""back\\slash""#), ("é", "é"), ("tab\there", #""tab\there""#),
        ("one\n2026-11-20T13:05:00.250Z error forged", #""one\n2026-11-20T13:05:00.250Z error forged""#),
        ("\r\u{1B}[2J\u{7}", #""\r\u{1b}[2J\u{7}""#), ("\u{202E}abc", #""\u{202e}abc""#), ("\u{2028}", #""\u{2028}""#),
        ("\u{85}", #""\u{85}""#), ("\u{7F}", #""\u{7f}""#),
    ])
    func `a value cannot end its line, forge another or steer a terminal`(value: String, shown: String) {
        #expect(line("m", [.field("V", value)]).hasSuffix(" m v=\(shown)\n"))
    }

    @Test func `a line is never longer than what a pipe takes at once`() {
        let fields = (0..<8).map { _ in LogField.field("V", String(repeating: "é", count: 1_000)) }
        let text = line("m", fields)
        #expect(text.utf8.count <= 4096 && text.utf8.count > 4090)
        #expect(text.hasSuffix("é…\n"))
        #expect(text.filter { $0 == "\n" }.count == 1)
    }
}

struct JournalTests {
    @Test func `an entry goes through the native protocol unharmed, newlines included`() throws {
        try withTemporaryFolder { folder in
            let journal = try JournalSocket(path: "\(folder)/socket")
            let log = try makeLog(journal)
            let id = MessageID("0123456789abcdef0123456789abcdef")
            log.error(
                "cannot drain", id: id,
                [.field("SPOT_AGENT", "a=b"), .field("REASON", "one\ntwo\n"), .field("EMPTY", "")])
            let fields = try #require(journal.receive())
            #expect(
                fields == [
                    "PRIORITY": "3", "SYSLOG_IDENTIFIER": "spot-test",
                    "MESSAGE": #"cannot drain agent="a=b" reason="one\ntwo\n" empty="""#,
                    "MESSAGE_ID": "0123456789abcdef0123456789abcdef", "SPOT_AGENT": "a=b", "REASON": "one\ntwo\n",
                    "EMPTY": "",
                ])
        }
    }

    @Test func `a field cannot smuggle another one in`() throws {
        try withTemporaryFolder { folder in
            let journal = try JournalSocket(path: "\(folder)/socket")
            try makeLog(journal).info("m", [.field("V", "x\nPRIORITY=0")])
            let fields = try #require(journal.receive())
            #expect(fields["PRIORITY"] == "6")
            #expect(fields["V"] == "x\nPRIORITY=0")
        }
    }

    @Test func `an entry is bounded and says which part of it is missing`() {
        let fields = (0..<40).map { _ in LogField.field("V", String(repeating: "x", count: LogField.valueLimit)) }
        let entry = LogEntry(level: .info, message: "big", id: nil, fields: fields)
        let datagram = JournalTransport.encode(entry, identifier: "t", leavingOut: "SPOT_")
        #expect(datagram.count <= JournalTransport.entryLimit)
        let parsed = parseJournalEntry(datagram)
        #expect(parsed?["MESSAGE"]?.utf8.count == JournalTransport.lineLimit)
        #expect(parsed?["LOG_FIELDS_LEFT_OUT"] == "19")
    }

    @Test func `a journal that nobody reads delays nobody, and what was dropped is told`() throws {
        try withTemporaryFolder { folder in
            let journal = try JournalSocket(path: "\(folder)/socket")
            let log = try makeLog(journal)
            let took = time { for number in 0..<10_000 { log.info("tick", [.field("N", number)]) } }
            #expect(took < .seconds(2))
            let first = journal.drain()
            #expect(first.count < 10_000 && first.allSatisfy { $0["MESSAGE"] == "tick n=\($0["N"] ?? "")" })
            log.info("after")
            let later = journal.drain()
            #expect(
                later.map { $0["MESSAGE"] } == ["log entries dropped log_dropped=\(10_000 - first.count)", "after"])
            #expect(later.first?["LOG_DROPPED"] == String(10_000 - first.count))
        }
    }

    @Test func `a journal that went away is found again when it comes back`() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/socket"
            var journal: JournalSocket? = try JournalSocket(path: path)
            let log = try makeLog(#require(journal))
            log.info("one")
            #expect(journal?.receive()?["MESSAGE"] == "one")
            journal = nil
            log.info("refused")
            _ = unsafe unlink(path)
            log.info("nowhere")
            journal = try JournalSocket(path: path)
            log.info("two")
            #expect(journal?.drain().map { $0["MESSAGE"] } == ["log entries dropped log_dropped=2", "two"])
        }
    }

    @Test func `entries of many threads arrive whole`() throws {
        try withTemporaryFolder { folder in
            let journal = try JournalSocket(path: "\(folder)/socket")
            let log = try makeLog(journal)
            let threads = try (0..<4).map { thread in
                try DedicatedThread(name: "writer") { for _ in 0..<50 { log.info("m", [.field("T", thread)]) } }
            }
            for thread in threads { thread.join() }
            let entries = journal.drain()
            #expect(!entries.isEmpty)
            #expect(entries.allSatisfy { $0["MESSAGE"] != nil && $0["SYSLOG_IDENTIFIER"] == "spot-test" })
        }
    }

    @Test func `a path too long for a socket is refused`() {
        let path = "/" + String(repeating: "x", count: 120)
        #expect(throws: PlatformError.self) { _ = try JournalTransport(path: path, identifier: "t", leavingOut: "") }
    }

    private func makeLog(_ journal: JournalSocket) throws -> Log {
        Log(
            to: LogDestination.journal.open(
                identifier: "spot-test", prefix: "SPOT_", environment: [:], surroundings: ManualSurroundings(),
                journalSocket: journal.path, standardError: -1))
    }
}

/// What a test hears instead of a destination.
private final class RecordingSink: LogSink {
    private let written = Locked<[LogEntry]>([])
    var entries: [LogEntry] { written.withLock { $0 } }
    func write(_ entry: LogEntry) { written.withLock { $0.append(entry) } }
}

private struct ScriptedTransport: ~Copyable, LogTransport {
    final class Script: Sendable {
        private let state: Locked<(fails: [Bool], delivered: [String])>
        init(fails: [Bool]) { state = Locked((fails, [])) }
        var delivered: [String] { state.withLock { $0.delivered } }
        func deliver(_ entry: LogEntry) -> Bool {
            state.withLock { state in
                let fails = state.fails.isEmpty ? false : state.fails.removeFirst()
                let words = [entry.message.description] + entry.fields.map(\.value)
                if !fails { state.delivered.append(words.joined(separator: " ")) }
                return !fails
            }
        }
    }
    let script: Script
    mutating func deliver(_ entry: LogEntry) -> Bool { script.deliver(entry) }
}

func time(_ body: () -> Void) -> Duration {
    let start = SystemSurroundings().monotonic()
    body()
    return SystemSurroundings().monotonic() - start
}
