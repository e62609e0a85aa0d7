package import JSON

/// One of the six old programs on one machine, as a value that decides synchronously: time goes in, requests come out, and
/// answers go in. What it does is what the originals were seen to do when they were run, defects included.
///
/// Each worker thread of the original is a `Worker` here. While it waits for an answer, for EC2 or for a pause to end it does
/// nothing else; its next turn comes one period after it has finished.
package struct OldAgent<Cloud: OldEC2>: Sendable {
    package enum Life: Equatable, Sendable {
        case starting, running
        /// The process ended; systemd starts it again after ten seconds.
        case ended
    }

    /// v5's.
    package enum Readiness: Sendable {
        case ready, executing
        /// For ever.
        case offline
    }

    enum Worker: CaseIterable, Sendable {
        case heartbeat, commands, configuration, prices, notices, rebalance, cleanup, terminations, launches, removals
        case decisions
    }

    typealias Answered = @Sendable (inout OldAgent, inout Cloud, OldReply) -> Void
    typealias Woken = @Sendable (inout OldAgent, inout Cloud) -> Void

    package let build: OldBuild
    package let environment: OldEnvironment
    package let instance: String
    package internal(set) var life = Life.starting
    package internal(set) var agentID: String?
    package internal(set) var isEnabled = true
    package internal(set) var readiness = Readiness.ready
    /// v5's file.
    package internal(set) var storedID: String?
    package internal(set) var now: Duration
    /// What its machine's wall clock shows when the other is at zero.
    package var epoch = Timestamp(nanosecondsSinceEpoch: 1_767_225_600_000_000_000)
    let startedAt: Duration

    // What the programs have in memory alone.
    var mode = "unknown"
    var announcedOnce = false
    var rebalanceTold = false
    var removedOnce: Set<String> = []
    var results: [String: OldValue] = [:]
    var failures = 0
    var requestID: String?
    var uuids = 0

    private var dueAt: [Worker: Duration] = [:]
    private var underWay: [Int: Answered] = [:]
    private var sleeping: [(until: Duration, wake: Woken)] = []
    private var calls: [OldCall] = []
    private var lastCall = 0

    /// On a machine of `cloud` that runs.
    package init(
        _ build: OldBuild, on instance: String, _ environment: OldEnvironment, storedID: String? = nil,
        at now: Duration,
        _ cloud: inout Cloud
    ) {
        self.build = build
        self.environment = environment
        self.instance = instance
        self.storedID = storedID
        self.now = now
        startedAt = now
        start(&cloud)
    }

    var logicalID: String { build.isFive || environment.logicalID.isEmpty ? instance : environment.logicalID }

    /// When it next does something by itself; nil while it only waits for answers.
    package var nextTurn: Duration? {
        guard life != .ended else { return nil }
        return (dueAt.values + sleeping.map(\.until)).min()
    }

    /// Does what is due.
    package mutating func advance(to now: Duration, _ cloud: inout Cloud) {
        self.now = max(self.now, now)
        while life != .ended, let at = sleeping.indices.first(where: { sleeping[$0].until <= self.now }) {
            let due = sleeping.remove(at: at)
            due.wake(&self, &cloud)
        }
        for worker in Worker.allCases {
            guard life == .running, let due = dueAt[worker], due <= self.now else { continue }
            dueAt[worker] = nil
            turn(of: worker, &cloud)
        }
    }

    /// The requests that it has made since.
    package mutating func takeCalls() -> [OldCall] {
        defer { calls = [] }
        return calls
    }

    package mutating func answer(_ call: Int, _ reply: OldReply, _ cloud: inout Cloud) {
        guard let answered = underWay.removeValue(forKey: call), life != .ended else { return }
        answered(&self, &cloud, reply)
    }

    /// SIGTERM, as systemd or the end of the machine sends it: it says farewell and ends.
    package mutating func stop() {
        guard life == .running else { return life = .ended }
        if build.isFive {
            let id = agentID ?? "None"
            call("POST", "/api/agents/\(id)/shutdown", shutdownBody) { _, _, _ in }
        } else {
            // Without an instance id: whose farewell it is nobody can tell.
            let body: OldValue =
                build == .runbook ? ["status": "offline"] : ["status": "offline", "monitored_instances": []]
            call("POST", path("heartbeat"), body) { _, _, _ in }
        }
        life = .ended
    }

    // MARK: For its parts

    func path(_ rest: String) -> String { "/api/agents/\(agentID ?? "None")/\(rest)" }

    mutating func call(_ method: String, _ path: String, _ body: OldValue? = nil, _ answered: @escaping Answered) {
        lastCall += 1
        underWay[lastCall] = answered
        calls.append(OldCall(id: lastCall, method: method, path: path, body: body, requestID: requestID))
    }

    mutating func sleep(_ time: Duration, _ wake: @escaping Woken) { sleeping.append((now + time, wake)) }

    /// The worker has finished and comes again after `period`.
    mutating func rest(_ worker: Worker, _ period: Int) { dueAt[worker] = now + .seconds(period) }

    mutating func schedule(_ worker: Worker, in seconds: Int) { dueAt[worker] = now + .seconds(seconds) }

    /// An exception that nobody catches.
    mutating func crash() { life = .ended }

    func machine(_ cloud: Cloud) -> OldCloud.Machine? { cloud.machine(instance) }
}
