package import AgentCore
package import Platform
import Wire

/// Looks at everything that the agent needs, beside a running one or before the first start: reads and asks, enrols nobody,
/// writes nothing. Lives on the loop's thread.
///
/// ```
///  coordinator:  who answers ──▶ its clock, whose token this is
///  AWS:          metadata ──▶ this machine, described ──▶ a trial of each right ──▶ those that hang on its answer
///  disk:         the state folder, the daemon's status
///  PID 1:        the workload's units
/// ```
/// Each question has its deadline, and the whole has one: what is unanswered then stays so.
package final class Checkup {
    /// Nil: its settings are not valid.
    package struct Tools {
        package var uplink: Uplink?
        package var metadata: MetadataClient?
        package var cloud: Cloud?
        package var disk: DiskThread
        /// Nil: systemd does not run this machine.
        package var unitLook: UnitLook?

        package init(uplink: Uplink?, metadata: MetadataClient?, cloud: Cloud?, disk: DiskThread) {
            self.uplink = uplink
            self.metadata = metadata
            self.cloud = cloud
            self.disk = disk
        }
    }

    /// Where files are; `isStateNamed`: somebody chose the first.
    package struct Places: Sendable {
        let state: String
        let runtime: String
        let isStateNamed: Bool

        package init(state: String, runtime: String, isStateNamed: Bool) {
            self.state = state
            self.runtime = runtime
            self.isStateNamed = isStateNamed
        }
    }

    /// A person waits for it.
    package static let patience = Duration.seconds(14)
    private static let coordinatorPatience = Duration.seconds(5)
    static let metadataPatience = Duration.seconds(2)
    static let cloudPatience = Duration.seconds(5)
    private static let managerPatience = Duration.seconds(2)

    private struct DiskFindings: Sendable {
        let folder: FolderFinding
        let daemon: DaemonFinding
        /// Nil: this machine does not know its slot's.
        let failoverDeadline: Duration?
    }

    var findings: Findings
    private let loop: any EventLoop
    let tools: Tools
    private let surroundings: any Surroundings
    private let mailbox: Mailbox<DiskFindings>
    private var watch: (any DescriptorWatch)?
    private var alarm: (any LoopTimer)?
    private var completion: ((Findings) -> Void)?
    private var deadline = Duration.zero
    private var open = 0
    private var asked: UInt64 = 0
    var launchTrial: LaunchTrial?

    package init(
        _ findings: Findings, on loop: any EventLoop, tools: Tools, surroundings: any Surroundings
    ) throws {
        self.findings = findings
        self.loop = loop
        self.tools = tools
        self.surroundings = surroundings
        mailbox = try Mailbox(capacity: 1)
        watch = try mailbox.attach(to: loop) { [weak self] found in
            self?.findings.folder = found.folder
            self?.findings.daemon = found.daemon
            if let deadline = found.failoverDeadline { self?.findings.failoverDeadline = deadline }
            self?.end()
        }
        alarm = try loop.makeTimer { [weak self] in self?.finish() }
    }

    /// `completion` is called once, in a later turn of the loop, after `patience` at the latest.
    package func begin(in places: Places, _ completion: @escaping (Findings) -> Void) {
        self.completion = completion
        deadline = loop.now + Self.patience
        alarm?.arm(at: deadline)
        askDisk(places)
        askUnits()
        askCoordinator()
        askMetadata(MetadataItem.identity[...])
    }

    // MARK: Counting

    func start() { open += 1 }

    func end() {
        open -= 1
        // In a later turn, also when the last answer came at once.
        if open == 0 { alarm?.arm(at: loop.now) }
    }

    private func finish() {
        findings.cloudClock = tools.cloud?.clockAhead.map { ahead in
            // Its time is cut off to the second.
            ClockReading(ahead: ahead - .milliseconds(500), margin: .milliseconds(600))
        }
        completion.take()?(findings)
    }

    func left(atMost time: Duration) -> Duration { max(.milliseconds(1), min(time, deadline - loop.now)) }

    // MARK: The disk

    private func askDisk(_ places: Places) {
        let now = surroundings.wall()
        let isAsked = tools.disk.submit(answeringTo: mailbox) {
            DiskFindings(
                folder: FolderFinding(at: places.state, isNamed: places.isStateNamed),
                daemon: DaemonFinding(in: places.runtime, at: now),
                failoverDeadline: (try? Memory(rememberedIn: places.state))?.configuration.map {
                    .seconds($0.settings.failoverDeadlineSeconds)
                })
        }
        if isAsked { start() }
    }

    // MARK: The service manager

    private func askUnits() {
        let units = findings.takeOver.units
        guard !units.isEmpty else { return }
        guard let look = tools.unitLook else {
            findings.units = .unasked("systemd does not run this machine")
            return
        }
        start()
        look.look(at: units, within: left(atMost: Self.managerPatience)) { [weak self] found in
            self?.findings.units = found
            self?.end()
        }
    }

    // MARK: The coordinator

    private func askCoordinator() {
        ask(.service) { [weak self] answer in
            guard let self else { return }
            findings.service = answer.flatMap { answer -> Result<ServiceDescription, AskFailure> in
                guard case .service(let service) = answer else { return Self.other() }
                return .success(service)
            }
            // Nobody else is shown a token.
            guard findings.isCoordinator else { return }
            askTime()
            if findings.hasToken { askClient() }
        }
    }

    private func askTime() {
        let askedAt = surroundings.wall()
        ask(.time) { [weak self] answer in
            guard let self, case .success(.time(let theirs)) = answer else { return }
            findings.coordinatorClock = ClockReading(askedAt: askedAt, theirs: theirs, answeredAt: surroundings.wall())
        }
    }

    private func askClient() {
        ask(.client) { [weak self] answer in
            self?.findings.client = answer.flatMap { answer -> Result<ValidatedClient, AskFailure> in
                guard case .client(let client) = answer else { return Self.other() }
                return .success(client)
            }
        }
    }

    private static func other<Reply>() -> Result<Reply, AskFailure> {
        .failure(.rubbish("the coordinator answered another question than was asked"))
    }

    private func ask(_ question: Question, _ completion: @escaping (Result<Answer, AskFailure>) -> Void) {
        guard let uplink = tools.uplink else { return }
        start()
        asked += 1
        uplink.ask(ExchangeID(asked), question, within: left(atMost: Self.coordinatorPatience)) { [weak self] answer in
            completion(answer)
            self?.end()
        }
    }
}
