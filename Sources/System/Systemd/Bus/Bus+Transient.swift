import Platform

extension Bus {
    /// Starts `service` and completes as `startUnit` does: for `.exec` when its program runs.
    package func startTransientService(
        _ service: TransientService, within timeout: Duration,
        _ completion: @escaping (Result<JobResult, SystemdError>) -> Void
    ) {
        let operation = begin("start \(service.name)", within: timeout, completion)
        startTransient(service, for: operation) { [unowned operation] reply throws(SystemdError) in
            try operation.awaitJob(reply)
        }
    }

    /// Runs `service` to its end and completes with how it ended, `hasSucceeded` or not; `timeout` should leave room
    /// for `runtimeMax` and `stopGrace`. A run that did not begin is a failure with code `refused`. After `timedOut` or
    /// `disconnected` it may still run, under its own limits.
    package func runTransientService(
        _ service: TransientService, within timeout: Duration,
        _ completion: @escaping (Result<UnitState, SystemdError>) -> Void
    ) {
        let operation = begin("run \(service.name)", within: timeout, completion)
        do throws(SystemdError) {
            let run = try TransientRun(of: service, on: self, operation)
            startTransient(service, for: operation) { [unowned operation] reply throws(SystemdError) in
                run.begin()
                try operation.awaitJob(reply) { run.take(job: $0) }
            }
        } catch {
            operation.failAtNextTurn(operation.error(error.code, error.description))
            armDeadlines()
        }
    }

    /// Arms `timer`; once this completes with `done`, it fires without us.
    package func startTransientTimer(
        _ timer: TransientTimer, within timeout: Duration,
        _ completion: @escaping (Result<JobResult, SystemdError>) -> Void
    ) {
        let operation = begin("arm \(timer.name)", within: timeout, completion)
        // The moment is given from the manager's own start, not from now: a slow bus or manager cannot delay it.
        readProperty("UserspaceTimestampMonotonic", of: .manager("Get"), for: operation) {
            [unowned self, unowned operation] value in
            guard case .number(let start) = value else { return false }
            arm(timer, managerStart: .microseconds(start), for: operation)
            return true
        }
    }

    private func arm(_ timer: TransientTimer, managerStart: Duration, for operation: Pending<JobResult>) {
        // The kernel's own clocks, because PID 1 counts on them too, whatever a test pretends.
        let clocks = SystemSurroundings()
        let suspended = clocks.boot() - clocks.monotonic()
        send(.manager("StartTransientUnit"), for: operation) { message throws(SystemdError) in
            try message.append(timer.name)
            try message.append(JobMode.fail.rawValue)
            try message.array("(sv)") { () throws(SystemdError) in
                try timer.append(to: message, managerStart: managerStart, suspended: suspended)
            }
            try message.array("(sa(sv))") { () throws(SystemdError) in
                try message.structure("sa(sv)") { () throws(SystemdError) in
                    try message.append(timer.service.name)
                    try message.array("(sv)") { () throws(SystemdError) in try timer.service.append(to: message) }
                }
            }
        } _: { [unowned operation] reply throws(SystemdError) in
            try operation.awaitJob(reply)
        }
    }

    private func startTransient(
        _ service: TransientService, for operation: Operation,
        _ onReply: @escaping (borrowing Message) throws(SystemdError) -> Void
    ) {
        send(.manager("StartTransientUnit"), for: operation) { message throws(SystemdError) in
            try message.append(service.name)
            try message.append(JobMode.fail.rawValue)
            try message.array("(sv)") { () throws(SystemdError) in try service.append(to: message) }
            try message.array("(sa(sv))") {}
        } _: { reply throws(SystemdError) in
            try onReply(reply)
        }
    }
}

/// Joins what is heard of a transient service into the one answer how it ended.
private final class TransientRun {
    private unowned let operation: Pending<UnitState>
    private var watch: UnitWatch?
    private var state = UnitState()
    private var job: JobResult?
    private var isUnloaded = false

    /// Listens before the service exists, because one that ends at once is unloaded at once.
    init(of service: TransientService, on bus: Bus, _ operation: Pending<UnitState>) throws(SystemdError) {
        self.operation = operation
        let watch = try bus.makeWatch(service.name) { [unowned self] event in
            switch event {
            case .state(let state): self.state = state
            case .unloaded: isUnloaded = true
            // The operation hears of it itself.
            case .ended: break
            }
            endIfOver()
        }
        self.watch = watch
        try watch.listen(at: UnitWatch.path(of: service.name))
    }

    /// The manager has made the service. What was heard before was said of an earlier one of that name: the manager
    /// replies before it tells of what it has just made.
    func begin() {
        state = UnitState()
        isUnloaded = false
    }

    func take(job result: JobResult) {
        job = result
        endIfOver()
    }

    private func endIfOver() {
        guard let job, isUnloaded || state.isStopped else { return }
        if !state.invocation.isEmpty, state.isStopped {
            operation.end(.success(state))
        } else if isUnloaded || job != .done {
            operation.end(.failure(operation.error(.refused, "it did not begin: job \(job)")))
        }
    }
}
