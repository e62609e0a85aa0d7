package import JSON
package import Wire

/// What the entries come to: all that a restarted agent knows of before.
package struct Memory: Sendable, Equatable {
    package internal(set) var enrolment: Enrolment?
    package internal(set) var configuration: Configuration?
    package internal(set) var role: Role?
    package internal(set) var epoch: Epoch?
    package internal(set) var boot: BootID?
    /// How long the machine had been suspended in this boot.
    package internal(set) var slept: Duration?
    /// Of this boot.
    package internal(set) var facts: InstanceFacts?
    /// They were found out in an earlier boot: good enough to stop by, and not to be trusted.
    package private(set) var areFactsOld = false
    package internal(set) var workload: WorkloadState?
    /// What may run here is to stop, and was not seen to.
    package internal(set) var isUnstopped = false
    /// Commands that were taken and not ended, oldest first. `Errands` bounds them, and the steps of each.
    package internal(set) var open: [OpenCommand] = []
    /// Commands that were ended, oldest first, at most `endedMax`.
    package internal(set) var ended: [EndedCommand] = []
    /// What the coordinator does not have yet, oldest first. `Outbox` bounds them.
    package internal(set) var reports: [Report] = []

    /// A redelivery may be late, but a coordinator hands out no command that is older than a day, and no host is given 256
    /// in one.
    package static let endedMax = 256

    package struct OpenCommand: Sendable, Equatable {
        package let command: Command
        package let takenAt: Timestamp
        package var progress: [Progress] = []
    }

    package struct EndedCommand: Sendable, Equatable {
        package let command: CommandID
        package let result: CommandResult
    }

    package init() {}

    package init(replaying entries: some Sequence<Entry>) {
        for entry in entries { apply(entry) }
    }

    package mutating func apply(_ entry: Entry) {
        switch entry {
        case .enrolled(let enrolment): enrol(enrolment)
        case .configured(let configuration): configure(configuration)
        case .ranked(let role, let epoch):
            self.role = role
            self.epoch = epoch
        case .booted(let boot, let slept):
            begin(boot)
            self.slept = slept
        case .identified(let facts): (self.facts, areFactsOld) = (facts, false)
        case .workload(let state):
            workload = state
            isUnstopped = false
        case .unstopped: isUnstopped = true
        case .commandTaken(let command, let time): take(command, at: time)
        case .progressed(let command, let progress):
            if let index = open.firstIndex(where: { $0.command.id == command }) {
                open[index].progress.append(progress)
            }
        case .commandEnded(let command, let result): end(command, result)
        case .reportQueued(let report):
            if !reports.contains(where: { $0.id == report.id }) { reports.append(report) }
        case .reportGone(let report): reports.removeAll { $0.id == report }
        }
    }

    /// The fewest entries that come to the same, for a new file in place of a long one.
    package var entries: [Entry] {
        var entries: [Entry] = []
        if let enrolment { entries.append(.enrolled(enrolment)) }
        if let configuration { entries.append(.configured(configuration)) }
        if let role, let epoch { entries.append(.ranked(role, epoch)) }
        if let facts, areFactsOld { entries.append(.identified(facts)) }
        if let boot { entries.append(.booted(boot, slept: slept)) }
        if let facts, !areFactsOld { entries.append(.identified(facts)) }
        if let workload { entries.append(.workload(workload)) }
        if isUnstopped { entries.append(.unstopped) }
        entries += ended.map { .commandEnded($0.command, $0.result) }
        for command in open {
            entries.append(.commandTaken(command.command, at: command.takenAt))
            entries += command.progress.map { .progressed(command.command.id, $0) }
        }
        return entries + reports.map { .reportQueued($0) }
    }

    private mutating func enrol(_ enrolment: Enrolment) {
        if let before = self.enrolment, before.instance != enrolment.instance { self = Memory() }
        // Another slot counts its epochs and its configurations from the start, and knows nothing of the other's commands.
        if let before = self.enrolment, before.slot != enrolment.slot {
            (role, epoch, configuration, workload, isUnstopped) = (nil, nil, nil, nil, false)
            open = []
        }
        self.enrolment = enrolment
    }

    private mutating func configure(_ configuration: Configuration) {
        self.configuration = configuration
        // Where two may serve nothing has to be seen stopped.
        if configuration.settings.handOver != .exclusive { isUnstopped = false }
    }

    private mutating func begin(_ boot: BootID) {
        guard boot != self.boot else { return }
        (self.boot, areFactsOld, isUnstopped) = (boot, facts != nil, false)
        // What was let go for another host stays let go.
        if case .idle? = workload { return }
        workload = nil
    }

    private mutating func take(_ command: Command, at time: Timestamp) {
        let isKnown = open.contains { $0.command.id == command.id } || ended.contains { $0.command == command.id }
        if !isKnown { open.append(OpenCommand(command: command, takenAt: time)) }
    }

    private mutating func end(_ command: CommandID, _ result: CommandResult) {
        open.removeAll { $0.command.id == command }
        ended.removeAll { $0.command == command }
        ended.append(EndedCommand(command: command, result: result))
        if ended.count > Self.endedMax { ended.removeFirst() }
    }
}
