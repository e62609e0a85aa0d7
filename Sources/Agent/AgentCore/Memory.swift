package import JSON
package import Wire

/// What the entries come to: all that a restarted agent knows of before.
package struct Memory: Sendable, Equatable {
    package internal(set) var enrolment: Enrolment?
    package internal(set) var configuration: Configuration?
    package internal(set) var role: Role?
    package internal(set) var epoch: Epoch?
    /// Commands that were taken and not ended, oldest first.
    package internal(set) var open: [OpenCommand] = []
    /// Commands that were ended, oldest first, at most `endedMax`: a redelivery may be late.
    package internal(set) var ended: [EndedCommand] = []
    /// What the coordinator does not have yet, oldest first.
    package internal(set) var reports: [Report] = []

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
}
