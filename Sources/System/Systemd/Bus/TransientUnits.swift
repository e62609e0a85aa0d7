import Glibc

/// A service that exists only while it runs: under PID 1, outside our sandbox, outliving us if it must.
package struct TransientService: Sendable, Equatable {
    package struct Command: Sendable, Equatable {
        /// Absolute.
        package var program: String
        /// Without the program's name.
        package var arguments: [String]
        /// With it the commands after this one run whatever it returns.
        package var mayFail: Bool

        package init(_ program: String, _ arguments: [String] = [], mayFail: Bool = false) {
            self.program = program
            self.arguments = arguments
            self.mayFail = mayFail
        }
    }

    package enum Kind: String, Sendable {
        /// One command; it is started when its program was executed.
        case exec
        /// Commands one after the other; it is started when all have ended.
        case oneshot
    }

    /// With its suffix `.service`.
    package var name: String
    package var description = ""
    package var kind: Kind
    package var commands: [Command]
    /// `NAME=value`; nothing of our own environment is passed on.
    package var environment: [String] = []
    /// From the start to the moment when it is told to stop, children that left the session included. PID 1 may be
    /// 250 ms late, here and with the grace, to join timers.
    package var runtimeMax: Duration
    /// From SIGTERM to SIGKILL, for the whole control group; zero sends SIGKILL at once.
    package var stopGrace: Duration
    /// What its output is called in the journal.
    package var syslogIdentifier: String
    /// Root when nil.
    package var user: String?
    /// So many lines of output in each `logInterval` are kept, and up to six times as many where the journal's disk has room
    /// (journald.conf(5)): a program that floods does not fill it. Nil: as the journal has it for all. So it is, too, for what
    /// a program said that was over before journald came to it: PID 1 has removed the limit by then, and the socket between
    /// them holds eight megabytes.
    package var logLinesMax: UInt32?
    package static let logInterval = Duration.seconds(10)
    /// Units that are started before it and stopped after it, where both are; and the other way round.
    package var after: [String] = []
    package var before: [String] = []
    /// It counts as active when its commands have ended, until it is stopped.
    package var remainsAfterExit = false
    /// Stopped with everything else when the machine goes down.
    package var endsAtShutdown = false

    package init(
        name: String, kind: Kind = .exec, commands: [Command], runtimeMax: Duration, stopGrace: Duration,
        syslogIdentifier: String
    ) {
        precondition(kind == .oneshot || commands.count == 1, "only a oneshot service has several commands")
        precondition(!commands.isEmpty, "a service has something to do")
        self.name = name
        self.kind = kind
        self.commands = commands
        self.runtimeMax = runtimeMax
        self.stopGrace = stopGrace
        self.syslogIdentifier = syslogIdentifier
    }
}

/// A timer of PID 1 that starts a service of its own at a moment, whether we are still there or not.
package struct TransientTimer: Sendable, Equatable {
    /// Started by the timer; the timer has its name with the suffix `.timer`.
    package var service: TransientService
    /// On CLOCK_BOOTTIME. PID 1 counts on CLOCK_MONOTONIC: a suspension between arming and the moment delays it by its
    /// length. A moment that has passed fires at once.
    package var elapsesAt: Duration

    package init(service: TransientService, elapsesAt: Duration) {
        precondition(service.name.hasSuffix(".service"), "the timer's name is made from the service's")
        self.service = service
        self.elapsesAt = elapsesAt
    }

    /// What `stopUnit` needs to disarm it. A service that it started meanwhile is stopped by its own name.
    package var name: String { "\(service.name.dropLast(".service".count)).timer" }
}

// MARK: As the manager's settings

extension TransientService {
    func append(to message: borrowing Message) throws(SystemdError) {
        try appendUnit(to: message, description: description)
        try message.property("Type", kind.rawValue)
        try appendCommands(to: message)
        try message.property("Environment", environment)
        // RuntimeMaxSec does not apply to a oneshot, whose whole run is its start.
        try message.property(kind == .oneshot ? "TimeoutStartUSec" : "RuntimeMaxUSec", runtimeMax.microsecondsUp)
        try message.property("KillMode", "control-group")
        if stopGrace == .zero { try message.property("KillSignal", SIGKILL) }
        // Zero would mean "never": after SIGKILL a second is what a kernel in good order needs.
        try message.property("TimeoutStopUSec", (stopGrace == .zero ? .seconds(1) : stopGrace).microsecondsUp)
        try message.property("StandardOutput", "journal")
        try message.property("StandardError", "journal")
        try message.property("SyslogIdentifier", syslogIdentifier)
        if let user { try message.property("User", user) }
        if let logLinesMax {
            try message.property("LogRateLimitIntervalUSec", Self.logInterval.microsecondsUp)
            try message.property("LogRateLimitBurst", logLinesMax)
        }
        if remainsAfterExit { try message.property("RemainAfterExit", true) }
        try message.property("After", after)
        let shutdown = endsAtShutdown ? ["shutdown.target"] : []
        try message.property("Before", before + shutdown)
        try message.property("Conflicts", shutdown)
    }

    private func appendCommands(to message: borrowing Message) throws(SystemdError) {
        // Not ExecStartEx, though it can say that `$` is no variable: what PID 1 writes down of that it does not read after a
        // reload, and a fence would have nothing to do.
        try message.property("ExecStart", "a(sasb)") { () throws(SystemdError) in
            try message.array("(sasb)") { () throws(SystemdError) in
                for command in commands {
                    try message.structure("sasb") { () throws(SystemdError) in
                        try message.append(command.program)
                        try message.append([command.program] + command.arguments.map(unexpanded))
                        try message.append(command.mayFail)
                    }
                }
            }
        }
    }
}

/// With every `$` standing for itself.
private func unexpanded(_ argument: String) -> String {
    argument.split(separator: "$", omittingEmptySubsequences: false).joined(separator: "$$")
}

extension TransientTimer {
    /// `managerStart` is when the manager began, on CLOCK_MONOTONIC, and `suspended` how far CLOCK_BOOTTIME is ahead.
    func append(to message: borrowing Message, managerStart: Duration, suspended: Duration) throws(SystemdError) {
        try appendUnit(to: message, description: service.description)
        try message.property("TimersMonotonic", "a(st)") { () throws(SystemdError) in
            try message.array("(st)") { () throws(SystemdError) in
                try message.structure("st") { () throws(SystemdError) in
                    try message.append("OnStartupSec")
                    try message.append((elapsesAt - suspended - managerStart).microsecondsUp)
                }
            }
        }
        // PID 1 may else be a minute late, to join timers.
        try message.property("AccuracyUSec", UInt64(1))
        try message.property("RemainAfterElapse", false)
    }
}

/// What both have: no default dependencies, so that a shutdown under way does not take them first, and no trace
/// afterwards, so that the same name can be used again.
private func appendUnit(to message: borrowing Message, description: String) throws(SystemdError) {
    if !description.isEmpty { try message.property("Description", description) }
    try message.property("DefaultDependencies", false)
    try message.property("CollectMode", "inactive-or-failed")
}
