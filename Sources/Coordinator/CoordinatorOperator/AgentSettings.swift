import JSON
import Platform
import Wire

extension Desk {
    func settings() throws {
        let slot: SlotID = try argument(0)
        let pairs = invocation.arguments.dropFirst()
        guard pairs.isEmpty else {
            let change = try Self.change(Array(pairs))
            return try show(
                Question(.changeSettings, slot, body: change), as: Configuration.self, Self.settingsTable)
        }
        // Only the whole of an agent is open to an administrator, so its configuration is taken from there.
        let reply = try conversation.ask(Question(.agent, slot))
        let detail = try reply.read(AgentDetail.self)
        let json = try reply.document.root.object().required("config").verbatim
        try write(wantsJSON ? printableJSON(json) + "\n" : Self.settingsTable(detail.configuration))
    }

    func enable(_ enabled: Bool) throws {
        let slot: SlotID = try argument(0)
        try show(
            Question(.toggleEnabled, slot, body: EnabledChange(enabled: enabled)), as: EnabledChange.self
        ) { answer in "agent \(slot) is \(answer.enabled ?? enabled ? "enabled" : "disabled")\n" }
    }

    /// What `NAME=VALUE` words ask for.
    private static func change(_ pairs: [String]) throws(OperatorError) -> SlotSettingsChange {
        var values: [(name: String, value: String)] = []
        for pair in pairs {
            let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard halves.count == 2 else {
                throw OperatorError(.usage, "\(quoted(pair)): expected a setting's NAME=VALUE")
            }
            guard SlotSetting(rawValue: halves[0]) != nil else {
                let meant = nearest(to: halves[0], among: SlotSetting.allCases.map(\.rawValue))
                throw OperatorError(
                    .usage, "\(quoted(halves[0])) is no setting\(meant.map { ", perhaps \($0) is meant" } ?? "")")
            }
            values.append((halves[0], halves[1]))
        }
        return try read(values)
    }

    /// The rules of each setting stand in the protocol, so the words become JSON and are read as the coordinator would.
    private static func read(_ values: [(name: String, value: String)]) throws(OperatorError) -> SlotSettingsChange {
        var writer = JSONWriter()
        writer.object { fields in
            for (name, value) in values {
                if let number = JSONNumber(value) {
                    fields.field(name, number)
                } else if let flag = Bool(value) {
                    fields.field(name, flag)
                } else {
                    fields.field(name, value)
                }
            }
        }
        do throws(JSONError) { return try decodeJSON(SlotSettingsChange.self, from: writer.bytes) } catch {
            throw OperatorError(.usage, "\(error)")
        }
    }

    private static func settingsTable(_ configuration: Configuration) -> String {
        let values = SlotSettingsChange(to: configuration.settings)
        return table(
            SlotSetting.allCases,
            [
                Column("SETTING") { $0.rawValue },
                Column("VALUE") { values[$0].map(text) },
                Column("MEANING") { $0.meaning },
            ], none: "") + "version \(configuration.version)\n"
    }

    private static func text(_ value: SlotSettingValue) -> String {
        switch value {
        case .flag(let flag): "\(flag)"
        case .whole(let number): "\(number)"
        case .decimal(let number): number.text
        case .handOver(let handOver): handOver.rawValue
        }
    }
}
