/// How a new job deals with others that are queued: `systemctl(1)`, `--job-mode`.
package enum JobMode: String, Sendable {
    case replace
    /// Refuses rather than to replace a queued job.
    case fail
    case ignoreDependencies = "ignore-dependencies"
}

/// Which processes of a unit a signal goes to.
package enum KillTarget: String, Sendable {
    case main, control, all
}

// What the manager does on request. A completion for a job runs when the job has ended, not when it was queued.
extension Bus {
    package func startUnit(
        _ name: String, mode: JobMode = .replace, within timeout: Duration,
        _ completion: @escaping (Result<JobResult, SystemdError>) -> Void
    ) { runJob("StartUnit", "start", name, mode, timeout, completion) }

    package func stopUnit(
        _ name: String, mode: JobMode = .replace, within timeout: Duration,
        _ completion: @escaping (Result<JobResult, SystemdError>) -> Void
    ) { runJob("StopUnit", "stop", name, mode, timeout, completion) }

    /// Completes when the signal is sent, which says nothing of what the processes make of it.
    package func killUnit(
        _ name: String, _ target: KillTarget = .all, signal: Int32, within timeout: Duration,
        _ completion: @escaping (Result<Void, SystemdError>) -> Void
    ) {
        let operation = begin("send signal \(signal) to \(name)", within: timeout, completion)
        send(.manager("KillUnit"), for: operation) { message throws(SystemdError) in
            try message.append(name)
            try message.append(target.rawValue)
            try message.append(signal)
        } _: { [unowned operation] _ in
            operation.end(.success(()))
        }
    }

    /// Forgets that the unit failed, and how often it was started.
    package func resetFailed(
        _ name: String, within timeout: Duration, _ completion: @escaping (Result<Void, SystemdError>) -> Void
    ) {
        let operation = begin("reset \(name)", within: timeout, completion)
        send(.manager("ResetFailedUnit"), for: operation) { message throws(SystemdError) in
            try message.append(name)
        } _: { [unowned operation] _ in
            operation.end(.success(()))
        }
    }

    /// What the unit is now. One that nobody knows is an answer too, with `isLoaded` false.
    package func unitState(
        _ name: String, within timeout: Duration, _ completion: @escaping (Result<UnitState, SystemdError>) -> Void
    ) {
        let operation = begin("read the state of \(name)", within: timeout, completion)
        send(.manager("LoadUnit"), for: operation) { message throws(SystemdError) in
            try message.append(name)
        } _: { [unowned self, unowned operation] reply throws(SystemdError) in
            readState(at: try reply.text("o"), for: operation) { [unowned operation] in operation.end(.success($0)) }
        }
    }

    /// How many processes the unit has, also those that it left behind when it ended: by its `KillMode`, a stopped unit may
    /// have some.
    package func processCount(
        _ name: String, within timeout: Duration, _ completion: @escaping (Result<Int, SystemdError>) -> Void
    ) {
        let operation = begin("count the processes of \(name)", within: timeout, completion)
        send(.manager("GetUnitProcesses"), for: operation) { message throws(SystemdError) in
            try message.append(name)
        } _: { [unowned operation] reply throws(SystemdError) in
            // Each: its control group, its number, its command line.
            let groups = try reply.structures("sus") { () throws(SystemdError) in
                let group = try reply.text()
                try reply.skip("us")
                return group
            }
            operation.end(.success(groups.count))
        }
    }

    /// A loaded unit, as a list has it.
    package struct ListedUnit: Sendable {
        package let name: String
        package let isStopped: Bool
        /// Its stop, where one is queued or under way.
        package let stopJob: UInt32?
    }

    /// The loaded units that fit `pattern`, as a shell would match it.
    package func units(
        matching pattern: String, within timeout: Duration,
        _ completion: @escaping (Result<[ListedUnit], SystemdError>) -> Void
    ) {
        let operation = begin("list \(pattern)", within: timeout, completion)
        send(.manager("ListUnitsByPatterns"), for: operation) { message throws(SystemdError) in
            try message.append([])
            try message.append([pattern])
        } _: { [unowned operation] reply throws(SystemdError) in
            let units = try reply.structures("ssssssouso") { () throws(SystemdError) in
                let name = try reply.text()
                try reply.skip("ss")
                let active = try reply.text()
                try reply.skip("sso")
                let job = try reply.number()
                let isStop = try reply.text() == "stop"
                try reply.skip("o")
                return ListedUnit(
                    name: name, isStopped: active == "inactive" || active == "failed", stopJob: isStop ? job : nil)
            }
            operation.end(.success(units))
        }
    }

    /// What waited for the job goes on without it.
    package func cancelJob(
        _ job: UInt32, within timeout: Duration, _ completion: @escaping (Result<Void, SystemdError>) -> Void
    ) {
        let operation = begin("cancel job \(job)", within: timeout, completion)
        send(.manager("CancelJob"), for: operation) { message throws(SystemdError) in
            try message.append(job)
        } _: { [unowned operation] _ in
            operation.end(.success(()))
        }
    }

    func readState(at path: String, for operation: Operation, _ then: @escaping (UnitState) -> Void) {
        send(.properties("GetAll", of: "org.freedesktop.systemd1", at: path), for: operation) {
            message throws(SystemdError) in
            // An empty name asks for the properties of all interfaces: a unit's, and a service's if it is one.
            try message.append("")
        } _: { reply throws(SystemdError) in
            var state = UnitState()
            state.merge(try reply.properties(UnitState.properties))
            then(state)
        }
    }

    private func runJob(
        _ method: String, _ verb: String, _ name: String, _ mode: JobMode, _ timeout: Duration,
        _ completion: @escaping (Result<JobResult, SystemdError>) -> Void
    ) {
        let operation = begin("\(verb) \(name)", within: timeout, completion)
        send(.manager(method), for: operation) { message throws(SystemdError) in
            try message.append(name)
            try message.append(mode.rawValue)
        } _: { [unowned operation] reply throws(SystemdError) in
            try operation.awaitJob(reply)
        }
    }
}

extension Operation {
    /// Waits for the job that `reply` names. The job's end cannot have passed already: the manager sends its reply
    /// before it runs the job, and the bus keeps the order between two peers.
    func awaitJob(_ reply: borrowing Message, _ removed: @escaping (JobResult) -> Void) throws(SystemdError) {
        job = (try reply.text("o"), removed)
    }
}

extension Pending<JobResult> {
    func awaitJob(_ reply: borrowing Message) throws(SystemdError) {
        try awaitJob(reply) { [unowned self] in end(.success($0)) }
    }
}
