package import JSON
import Wire

// One object for each entry: `entry` says which, and its facts stand beside it. A reader skips an entry that it cannot
// read, so a word once used never means something else.

extension Entry: JSONWritable {
    package func write(to writer: inout JSONWriter) {
        writer.object { fields in
            fields.field("entry", kind.rawValue)
            writeFacts(&fields)
        }
    }

    private enum Kind: String {
        case enrolled, configured, ranked
        case booted, identified, workload, unstopped
        case commandTaken = "command_taken"
        case progressed
        case commandEnded = "command_ended"
        case reportQueued = "report_queued"
        case reportGone = "report_gone"
    }

    private var kind: Kind {
        switch self {
        case .enrolled: .enrolled
        case .configured: .configured
        case .ranked: .ranked
        case .booted: .booted
        case .identified: .identified
        case .workload: .workload
        case .unstopped: .unstopped
        case .commandTaken: .commandTaken
        case .progressed: .progressed
        case .commandEnded: .commandEnded
        case .reportQueued: .reportQueued
        case .reportGone: .reportGone
        }
    }

    private func writeFacts(_ fields: inout JSONObjectWriter) {
        switch self {
        case .enrolled(let enrolment): enrolment.write(&fields)
        case .configured(let configuration): fields.field("configuration", configuration)
        case .ranked(let role, let epoch):
            fields.field("role", role)
            fields.field("epoch", epoch)
        case .booted(let boot, let slept):
            fields.field("boot_id", boot.text)
            if let slept { fields.field("slept_ms", slept.milliseconds) }
        case .identified(let facts): fields.field("facts", facts)
        case .workload(let state): state.write(&fields)
        case .unstopped: break
        case .commandTaken(let command, let time):
            fields.field("command", command)
            fields.field("at", time)
        case .progressed(let command, let progress):
            fields.field("command_id", command)
            fields.field("progress", progress)
        case .commandEnded(let command, let result):
            fields.field("command_id", command)
            fields.field("result", result)
        case .reportQueued(let report): fields.field("report", report)
        case .reportGone(let report): fields.field("report_id", report)
        }
    }
}

extension Entry: JSONReadable {
    package init(from value: JSONValue) throws(JSONError) {
        let fields = try value.object()
        let word = try fields.required("entry")
        guard let kind = Kind(rawValue: try word.string()) else { throw word.fail("expected a kind of entry") }
        self =
            switch kind {
            case .enrolled: .enrolled(try Enrolment(fields))
            case .configured: .configured(try fields.need("configuration"))
            case .ranked: .ranked(try fields.need("role"), try fields.need("epoch"))
            case .booted:
                .booted(
                    BootID(try fields.need("boot_id")),
                    slept: try fields.maybe("slept_ms").map { Duration.milliseconds($0 as Int64) })
            case .identified: .identified(try fields.need("facts"))
            case .workload: .workload(try WorkloadState(fields))
            case .unstopped: .unstopped
            case .commandTaken: .commandTaken(try fields.need("command"), at: try fields.need("at"))
            case .progressed: .progressed(try fields.need("command_id"), try fields.need("progress"))
            case .commandEnded: .commandEnded(try fields.need("command_id"), try fields.need("result"))
            case .reportQueued: .reportQueued(try fields.need("report"))
            case .reportGone: .reportGone(try fields.need("report_id"))
            }
    }
}

extension Enrolment {
    fileprivate init(_ fields: JSONObject) throws(JSONError) {
        self.init(
            instance: try fields.need("instance_id"), name: try fields.need("logical_agent_id"),
            slot: try fields.need("agent_id"), client: try fields.need("client_id"),
            token: try fields.need("agent_token"))
    }

    fileprivate func write(_ fields: inout JSONObjectWriter) {
        fields.field("instance_id", instance)
        fields.field("logical_agent_id", name)
        fields.field("agent_id", slot)
        fields.field("client_id", client)
        fields.field("agent_token", token)
    }
}

extension WorkloadState {
    private enum Word: String { case serving, idle, halted }

    fileprivate init(_ fields: JSONObject) throws(JSONError) {
        let word = try fields.required("state")
        switch Word(rawValue: try word.string()) {
        case .serving: self = .serving(under: try fields.need("epoch"))
        case .idle: self = .idle(under: try fields.need("epoch"))
        case .halted:
            let reason = try fields.required("halt")
            guard let halt = Halt(rawValue: try reason.string()) else { throw reason.fail("expected a reason to halt") }
            self = .halted(halt, under: try fields.need("epoch"))
        case nil: throw word.fail("expected a state of the workload")
        }
    }

    fileprivate func write(_ fields: inout JSONObjectWriter) {
        switch self {
        case .serving(let epoch):
            fields.field("state", Word.serving.rawValue)
            fields.field("epoch", epoch)
        case .idle(let epoch):
            fields.field("state", Word.idle.rawValue)
            fields.field("epoch", epoch)
        case .halted(let halt, let epoch):
            fields.field("state", Word.halted.rawValue)
            fields.field("halt", halt.rawValue)
            fields.field("epoch", epoch)
        }
    }
}

extension JSONObject {
    /// A field that must be there.
    func need<Value: JSONReadable>(_ name: String) throws(JSONError) -> Value { try Value(from: required(name)) }

    /// A field that may be absent or null.
    func maybe<Value: JSONReadable>(_ name: String) throws(JSONError) -> Value? {
        guard let value = optional(name) else { return nil }
        return try Value(from: value)
    }
}
