package import JSON

/// What an operator can decide about a slot. The defaults are those of a new slot.
package struct SlotSettings: Hashable, Sendable {
    package var enabled = true
    package var autoSwitchEnabled = true
    package var autoTerminateEnabled = true
    package var terminateWaitSeconds = 300
    package var manualReplicaEnabled = false
    package var replicaCount = 0
    package var minSavingsPercent = decimal("15")
    package var riskThreshold = decimal("0.30")
    package var maxSwitchesPerWeek = 10
    package var maxSwitchesPerDay = 3
    package var minPoolDurationHours = 2
    package var handOver = HandOver.overlap
    package var failoverDeadlineSeconds = 15
    package var leaseSeconds = 0
    package var drainBudgetSeconds = 5
    package var heartbeatSeconds = 3

    package init() {}
}

/// One setting by its name on the wire. What it holds, between which bounds and what it means stands in `row`.
package enum SlotSetting: String, CaseIterable, Sendable {
    case enabled
    case autoSwitchEnabled = "auto_switch_enabled"
    case autoTerminateEnabled = "auto_terminate_enabled"
    case terminateWaitSeconds = "terminate_wait_seconds"
    case manualReplicaEnabled = "manual_replica_enabled"
    case replicaCount = "replica_count"
    case minSavingsPercent = "min_savings_percent"
    case riskThreshold = "risk_threshold"
    case maxSwitchesPerWeek = "max_switches_per_week"
    case maxSwitchesPerDay = "max_switches_per_day"
    case minPoolDurationHours = "min_pool_duration_hours"
    case handOver = "hand_over"
    case failoverDeadlineSeconds = "failover_deadline_seconds"
    case leaseSeconds = "lease_seconds"
    case drainBudgetSeconds = "drain_budget_seconds"
    case heartbeatSeconds = "heartbeat_seconds"

    var row: (holds: Holding, meaning: String) {
        let day = Limits.settingSecondsMax
        return switch self {
        case .enabled: (.flag(\.enabled), "take part in switching; a disabled slot is only watched")
        case .autoSwitchEnabled: (.flag(\.autoSwitchEnabled), "switch when the prices advise it")
        case .autoTerminateEnabled: (.flag(\.autoTerminateEnabled), "terminate a machine that was replaced")
        case .terminateWaitSeconds:
            (.whole(\.terminateWaitSeconds, 0...day), "how long a replaced machine is kept before that")
        case .manualReplicaEnabled:
            (.flag(\.manualReplicaEnabled), "keep a replica always; excludes auto_switch_enabled")
        case .replicaCount: (.whole(\.replicaCount, 0...4), "how many replicas to keep")
        case .minSavingsPercent:
            (.decimal(\.minSavingsPercent, decimal("0")...decimal("100")), "switch only for at least this saving")
        case .riskThreshold: (.decimal(\.riskThreshold, decimal("0")...decimal("1")), "leave a pool above this risk")
        case .maxSwitchesPerWeek: (.whole(\.maxSwitchesPerWeek, 0...1000), "advised switches in seven days")
        case .maxSwitchesPerDay: (.whole(\.maxSwitchesPerDay, 0...1000), "advised switches in a day")
        case .minPoolDurationHours: (.whole(\.minPoolDurationHours, 0...8760), "stay in a pool at least this long")
        case .handOver: (.handOver(\.handOver), "whether old and new primary may serve at once")
        case .failoverDeadlineSeconds:
            (.whole(\.failoverDeadlineSeconds, 1...120), "from notice to a proven new primary")
        case .leaseSeconds:
            (.whole(\.leaseSeconds, 0...day), "0, or: stop the workload after so long without the coordinator")
        case .drainBudgetSeconds:
            (.whole(\.drainBudgetSeconds, Limits.drainSeconds), "what the old primary may take to drain")
        case .heartbeatSeconds:
            (.whole(\.heartbeatSeconds, 1...Limits.heartbeatSecondsMax), "how often the agent reports")
        }
    }

    /// One sentence for a person who may change it.
    package var meaning: String { row.meaning }
}

/// The value of one setting.
package enum SlotSettingValue: Hashable, Sendable {
    case flag(Bool)
    case whole(Int)
    case decimal(JSONNumber)
    case handOver(HandOver)
}

/// Some settings with new values, as an administrator sends them, and as a configuration spells all of them out.
package struct SlotSettingsChange: WireObject {
    private var values: [SlotSetting: SlotSettingValue] = [:]

    package init() {}

    /// A change to every setting, which leaves nothing of the settings before.
    package init(to settings: SlotSettings) {
        for setting in SlotSetting.allCases { values[setting] = settings[setting] }
    }

    /// Nil leaves the setting alone. A value of another kind than the setting holds is a mistake in the program.
    package subscript(_ setting: SlotSetting) -> SlotSettingValue? {
        get { values[setting] }
        set {
            precondition(newValue.map(setting.row.holds.takes) ?? true, "\(setting.rawValue) does not hold this value")
            values[setting] = newValue
        }
    }

    package var isEmpty: Bool { values.isEmpty }

    package func applied(to settings: SlotSettings) -> SlotSettings {
        var changed = settings
        for (setting, value) in values { changed[setting] = value }
        return changed
    }

    package init(_ fields: Fields) throws(JSONError) {
        for setting in SlotSetting.allCases {
            if let value = fields.value(setting.rawValue) { values[setting] = try setting.row.holds.read(value) }
        }
    }

    package func write(_ fields: inout FieldWriter) {
        for setting in SlotSetting.allCases {
            switch values[setting] {
            case .flag(let flag): fields.put(setting.rawValue, flag)
            case .whole(let number): fields.put(setting.rawValue, number)
            case .decimal(let number): fields.put(setting.rawValue, number)
            case .handOver(let handOver): fields.put(setting.rawValue, handOver)
            case nil: break
            }
        }
    }
}

/// A number of the source.
private func decimal(_ text: String) -> JSONNumber {
    guard let number = JSONNumber(text) else { preconditionFailure("\(text) in the source is not a number") }
    return number
}

/// What a setting holds: where it is stored and, for numbers, between which bounds.
enum Holding {
    case flag(WritableKeyPath<SlotSettings, Bool>)
    case whole(WritableKeyPath<SlotSettings, Int>, ClosedRange<Int>)
    case decimal(WritableKeyPath<SlotSettings, JSONNumber>, ClosedRange<JSONNumber>)
    case handOver(WritableKeyPath<SlotSettings, HandOver>)

    func takes(_ value: SlotSettingValue) -> Bool {
        switch (self, value) {
        case (.flag, .flag), (.handOver, .handOver): true
        case (.whole(_, let range), .whole(let number)): range.contains(number)
        case (.decimal(_, let range), .decimal(let number)): range.contains(number)
        default: false
        }
    }

    func read(_ value: JSONValue) throws(JSONError) -> SlotSettingValue {
        let (read, expectation): (SlotSettingValue, String) =
            switch self {
            case .flag: (.flag(try value.boolean()), "")
            case .whole(_, let range):
                (
                    .whole(Int(try value.integer())),
                    "expected a whole number from \(range.lowerBound) to \(range.upperBound)"
                )
            case .decimal(_, let range):
                (.decimal(try value.number()), "expected a number from \(range.lowerBound) to \(range.upperBound)")
            case .handOver: (.handOver(try HandOver(from: value)), "")
            }
        guard takes(read) else { throw value.fail(expectation) }
        return read
    }
}

extension SlotSettings {
    fileprivate subscript(_ setting: SlotSetting) -> SlotSettingValue {
        get {
            switch setting.row.holds {
            case .flag(let path): .flag(self[keyPath: path])
            case .whole(let path, _): .whole(self[keyPath: path])
            case .decimal(let path, _): .decimal(self[keyPath: path])
            case .handOver(let path): .handOver(self[keyPath: path])
            }
        }
        set {
            switch (setting.row.holds, newValue) {
            case (.flag(let path), .flag(let flag)): self[keyPath: path] = flag
            case (.whole(let path, _), .whole(let number)): self[keyPath: path] = number
            case (.decimal(let path, _), .decimal(let number)): self[keyPath: path] = number
            case (.handOver(let path), .handOver(let handOver)): self[keyPath: path] = handOver
            default: preconditionFailure("a change only holds values that fit their settings")
            }
        }
    }
}
