package import AgentCore
import JSON
package import Platform
import Wire

/// The loop around the machine: tells it what happened, and carries out what it says. Lives on the loop's thread.
package final class AgentShell {
    /// What the shell works with; each is asked and answers later.
    package struct Tools {
        package var uplink: Uplink
        package var metadata: MetadataClient
        package var cloud: Cloud
        /// Nil where nothing is done with the machine itself.
        package var acting: Acting?

        package init(uplink: Uplink, metadata: MetadataClient, cloud: Cloud, acting: Acting? = nil) {
            self.uplink = uplink
            self.metadata = metadata
            self.cloud = cloud
            self.acting = acting
        }

        /// What is under way goes on to its deadline.
        fileprivate func dropConnections() {
            uplink.dropConnections()
            metadata.dropConnections()
            cloud.dropConnections()
        }

        /// All but the acts: what is done with the machine is the same whatever the settings become.
        fileprivate func close() {
            uplink.close()
            metadata.close()
            cloud.close()
        }
    }

    private var machine: AgentMachine
    private let loop: any EventLoop
    private var tools: Tools
    private let surroundings: any Surroundings
    private let tell: (Announcement) -> Void
    private let stop: () -> Void
    private var recorder: Recorder?
    private var alarm: (any LoopTimer)?
    /// By when each thing that was asked is answered, on the loop's clock; the alarm is one of them.
    private var expected: [Expected: Duration] = [:]
    /// Inputs that came while another was being handled.
    private var waiting: [Input] = []
    private var isHandling = false

    private enum Expected: Hashable {
        case answer(ExchangeID)
        case reading(MetadataItem)
        case call(CallID)
        case act(ActID)
        case alarm
    }

    private var sleepWatch: SleepWatch

    /// How late the loop itself may be before something must be wrong with it.
    private static let slack = Duration.seconds(2)
    /// A disk that hangs is told about; what is older is a disk that is gone, and no reason to be killed for.
    private static let recordName = "state.log"

    /// `memory` is what was remembered, `isDamaged` when not all of it could be read: the file is put aside, so that this is
    /// met once. Every effect goes to `tools`, `tell` and `stop`.
    package init(
        _ options: AgentOptions, remembering memory: Memory, isDamaged: Bool = false, in folder: String,
        on loop: any EventLoop, disk: DiskThread, tools: Tools,
        surroundings: any Surroundings, tell: @escaping (Announcement) -> Void, stop: @escaping () -> Void
    ) throws {
        // Without a name every start is taken for a new boot, after which less is believed.
        let boot = BootID(bootName() ?? "unknown-\(surroundings.random())")
        self.loop = loop
        self.tools = tools
        self.surroundings = surroundings
        sleepWatch = SleepWatch(surroundings)
        machine = AgentMachine(options, memory, boot: boot, slept: sleepWatch.known)
        self.tell = tell
        self.stop = stop
        recorder = try Recorder(loop: loop, disk: disk, path: Self.recordPath(in: folder)) { [unowned self] in
            machine.memory.entries.map(encodeJSON)
        } tell: { [unowned self] report in
            switch report {
            case .recorded(let batches): take(.recorded(batches: batches))
            case .failed(let reason): take(.recordingFailed(reason: reason))
            }
        }
        alarm = try loop.makeTimer { [unowned self] in
            expected[.alarm] = nil
            take(.wokeUp)
        }
        if isDamaged { recorder?.putAside(as: "damaged") }
    }

    package static func recordPath(in folder: String) -> String { "\(folder)/\(recordName)" }

    /// Looks first whether the machine slept since the last time, which is news before any other. There is always a last time:
    /// the metadata service is read every second, or as often as the operator has it, and is answered or late soon after.
    package func take(_ input: Input) {
        if let time = sleepWatch.look(at: surroundings) { waiting.append(.resumed(after: time)) }
        waiting.append(input)
        guard !isHandling else { return }
        isHandling = true
        defer { isHandling = false }
        while !waiting.isEmpty {
            let effects = machine.handle(
                waiting.removeFirst(), now: surroundings.boot(), wall: surroundings.wall(),
                chance: surroundings.random())
            for effect in effects { carryOut(effect) }
        }
    }

    /// What was open may lead nowhere now.
    package func noteNetworkChange() {
        tools.dropConnections()
        take(.networkChanged)
    }

    /// Other settings, and the tools made by them. What the old ones were asked and have not answered has failed; the machine
    /// asks the new ones. Acts go on: the new tools have the hands of the old, with other hooks perhaps.
    package func reconfigure(_ options: AgentOptions, with tools: Tools) {
        tools.cloud.region = self.tools.cloud.region
        self.tools.close()
        self.tools = tools
        let asked = expected.keys
        take(.reconfigured(options))
        let reason = "the settings were read again before an answer came"
        for one in asked where expected[one] != nil {
            switch one {
            case .alarm, .act: continue
            case .answer(let id): expire(one, .answered(id, .failure(.unreachable(reason))))
            case .reading(let item): expire(one, .metadata(item, .failed(reason)))
            case .call(let id): expire(one, .cloud(id, .failure(CloudFault(.unreachable, reason))))
            }
        }
    }

    private func expire(_ asked: Expected, _ input: Input) {
        expected[asked] = nil
        take(input)
    }

    /// How things stand, for a person.
    package var status: LocalStatus { machine.status(now: surroundings.boot(), wall: surroundings.wall()) }

    /// Whether the machinery moves: nothing that was begun is overdue. A dead coordinator, metadata service or EC2 does not
    /// change it, a stuck loop does; what feeds the watchdog asks here.
    package var moves: Bool {
        let now = loop.now
        return expected.values.allSatisfy { now <= $0 + Self.slack }
    }

    // MARK: Effects

    private func carryOut(_ effect: Effect) {
        switch effect {
        case .ask(let id, let question, let deadline): ask(id, question, deadline)
        case .abandon(let id):
            expected[.answer(id)] = nil
            tools.uplink.abandon(id)
        case .read(let item, let deadline): read(item, deadline)
        case .call(let id, let request, let deadline): call(id, request, deadline)
        case .act(let id, let act, let deadline): self.act(id, act, deadline)
        case .letGo(let id):
            expected[.act(id)] = nil
            tools.acting?.letGo(id)
        case .dropConnections: tools.dropConnections()
        case .record(let entries): recorder?.record(entries.map(encodeJSON))
        case .forgetEverything(let instance): recorder?.putAside(as: instance.text)
        case .wake(let time): wake(at: time)
        case .tell(let announcement):
            if case .identified(let facts) = announcement {
                tools.cloud.region = facts.region
                tools.acting?.instance = facts.instance
            }
            tell(announcement)
        case .stop: stop()
        }
    }

    private func ask(_ id: ExchangeID, _ question: Question, _ deadline: Duration) {
        expected[.answer(id)] = loop.now + deadline
        tools.uplink.ask(id, question, within: deadline) { [weak self] result in
            self?.expected[.answer(id)] = nil
            self?.take(.answered(id, result))
        }
    }

    private func read(_ item: MetadataItem, _ deadline: Duration) {
        expected[.reading(item)] = loop.now + deadline
        tools.metadata.read(item, within: deadline) { [weak self] reading in
            self?.expected[.reading(item)] = nil
            self?.take(.metadata(item, reading))
        }
    }

    private func call(_ id: CallID, _ request: CloudRequest, _ deadline: Duration) {
        expected[.call(id)] = loop.now + deadline
        tools.cloud.call(request, deadline: deadline) { [weak self] result in
            self?.expected[.call(id)] = nil
            self?.take(.cloud(id, result))
        }
    }

    private func act(_ id: ActID, _ act: Act, _ deadline: Duration) {
        guard let acting = tools.acting else {
            return take(.acted(id, .failure(ActFault(.failed, "nothing is done with this machine here"))))
        }
        expected[.act(id)] = loop.now + deadline
        acting.act(id, act, within: deadline) { [weak self] result in
            self?.expected[.act(id)] = nil
            self?.take(.acted(id, result))
        }
    }

    /// The machine counts from the boot, through sleep; the loop's timers stand still meanwhile, so after a sleep the alarm
    /// comes late by what was left of it, which is seconds.
    private func wake(at time: Duration) {
        // The loop's own time is from before this turn's work, and an alarm that is early by that rings twice.
        let moment = surroundings.monotonic() + max(.zero, time - surroundings.boot())
        expected[.alarm] = moment
        alarm?.arm(at: moment)
    }
}
