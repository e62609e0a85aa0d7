import AgentCore
import JSON
import Testing
import Wire

@Suite struct MemoryTests {
    @Test(arguments: Samples.entries)
    func `an entry is read back as it was written`(_ entry: Entry) throws {
        #expect(try decodeJSON(Entry.self, from: encodeJSON(entry)) == entry)
    }

    @Test(arguments: [
        #"{"entry":"married"}"#, #"{"entry":"ranked","role":"king","epoch":1}"#, #"{"entry":"report_gone"}"#,
        #"{"entry":"progressed","command_id":"c","progress":{"step":"danced"}}"#,
        #"{"entry":"report_queued","report":{"report_id":"r","kind":"rumour","content":{}}}"#, "[]", "7",
    ])
    func `an entry of another version is an error, and no trap`(_ text: String) {
        #expect(throws: JSONError.self) { try decodeJSON(Entry.self, from: Array(text.utf8)) }
    }

    @Test func `the short list comes to the same as the long one`() {
        for seed in 0..<200 as Range<UInt64> {
            var chance = Chance(seed)
            let long = (0..<60).map { _ in Samples.entries[chance.index(below: Samples.entries.count)] }
            let memory = Memory(replaying: long)
            #expect(Memory(replaying: memory.entries) == memory, "seed \(seed)")
            #expect(memory.entries.count <= long.count, "seed \(seed)")
        }
    }

    @Test func `the last commands that ended are kept, the oldest go`() throws {
        var memory = Memory()
        for number in 0...Memory.endedMax {
            memory.apply(.commandEnded(try CommandID("c\(number)"), Samples.result(.done)))
        }
        #expect(memory.ended.count == Memory.endedMax)
        #expect(memory.ended.first?.command == "c1")
    }

    @Test func `a command that ended is not taken again by a late entry`() {
        let memory = Memory(replaying: [
            .commandTaken(Samples.command("c"), at: Samples.time), .commandEnded("c", Samples.result(.done)),
            .commandTaken(Samples.command("c"), at: Samples.time),
        ])
        #expect(memory.open.isEmpty)
    }

    @Test func `another slot begins with nothing of the last one's ranks`() {
        var other = Samples.enrolment
        other.slot = "slot-2"
        var memory = Memory(replaying: [
            .enrolled(Samples.enrolment), .ranked(.primary, 7), .configured(Configuration(version: 3)),
        ])
        memory.apply(.enrolled(other))
        #expect(memory.epoch == nil)
        #expect(memory.role == nil)
        #expect(memory.configuration == nil)
    }

    @Test func `another slot knows nothing of the last one's commands`() {
        var scene = WorkloadScene(.primary, .exclusive)
        scene.scene.actsTake = .seconds(60)
        scene.deliver(("d", scene.demote()), epoch: 2)
        #expect(scene.scene.machine.memory.open.count == 1)
        var memory = scene.scene.machine.memory
        memory.apply(
            .enrolled(
                Enrolment(instance: Scene.instance, slot: "slot-2", client: "client-1", token: Samples.token("b"))))
        #expect(memory.open.isEmpty)
    }

    @Test func `a new token of the same slot changes nothing else`() throws {
        var again = Samples.enrolment
        again.token = try Token("another")
        var memory = Memory(replaying: [.enrolled(Samples.enrolment), .ranked(.primary, 7)])
        memory.apply(.enrolled(again))
        #expect(memory.epoch == 7)
        #expect(memory.enrolment == again)
    }

    @Test func `another machine begins with nothing at all`() {
        var other = Samples.enrolment
        other.instance = "i-0000000000000000b"
        var memory = Memory(replaying: Samples.entries)
        memory.apply(.enrolled(other))
        #expect(memory.entries == [.enrolled(other)])
    }
}
