import Glibc
import Platform
import Synchronization

/// Serves HTTP on one socket: reads requests, gives them to the handler, sends its answers.
///
/// The handler runs on the listener's workers, several at once, and must not wait: what takes time is parked and answered
/// from elsewhere. Dropping the listener stops it at once.
package final class Listener: Sendable {
    private let core: ListenerCore
    private let daemon: Daemon
    private let doorkeeper: DedicatedThread
    private let listening: ListeningSocket
    private let isStopped = Locked(false)

    /// Listens and serves from here on.
    package init(
        _ options: ListenerOptions, handler: @escaping @Sendable (consuming Request, Exchange) -> Void
    ) throws(HTTPServerError) {
        precondition(options.workers > 0, "a listener needs a worker")
        let limit = try Self.connectionLimit(
            wanted: options.limits.connections, descriptors: softDescriptorLimit(), workers: options.workers)
        listening = try ListeningSocket(options.address)
        core = ListenerCore(
            options: options, connectionLimit: limit, bell: try Bell(), reading: try Reading(), handler: handler)
        daemon = try Daemon(core)
        let keeper = Doorkeeper(core: core, daemon: daemon, listening: listening)
        do {
            doorkeeper = try DedicatedThread(name: "http-door") { keeper.run() }
        } catch {
            daemon.stop()
            throw HTTPServerError(.failed, error.description)
        }
    }

    deinit { stop(within: .zero) }

    /// The port it listens on; nil for a Unix socket.
    package var port: UInt16? { listening.port }

    /// How many connections it serves at once: what the options ask for, or what the limit on open descriptors allows.
    package var connectionLimit: Int { core.connectionLimit }

    package var counters: ListenerCounters { core.counters.read() }

    /// Lets nobody in any more, gives every parked request its fallback, ends every stream, waits until all answers are
    /// read but no longer than `time`, and closes what is left. When it returns, nothing of the listener runs.
    ///
    /// `settle` comes after the last request has parked and before the first fallback: it may wait a little for what others
    /// are doing for parked requests, so that these get their real answers.
    ///
    /// It takes longer only if a handler, or `settle`, does not return. Not to be called from a handler. A second call waits for the
    /// first and does nothing.
    package func stop(within time: Duration, settle: () -> Void = {}) {
        isStopped.withLock { isStopped in
            guard !isStopped else { return }
            isStopped = true
            core.beginStopping()
            doorkeeper.join()
            listening.close()
            // From here on nobody can park or open a stream, so after this nothing is suspended or will be.
            let (parked, streams) = core.roster.close()
            settle()
            core.giveUp(parked)
            for stream in streams { stream.finish() }
            _ = core.waitUntilQuiet(within: time)
            // Others may have decided to resume and not done it yet. They are between two statements, never waiting.
            while core.resumesUnderWay.load(ordering: .sequentiallyConsistent) > 0 { sched_yield() }
            core.waitForRefusals()
            daemon.stop()
            // The library closes without a word what it was given and had not begun to serve.
            core.counters.open.store(0, ordering: .relaxed)
        }
    }

    /// Leaves descriptors for the rest of the program: files, the database, outgoing connections.
    static func connectionLimit(wanted: Int, descriptors: Int, workers: Int) throws(HTTPServerError) -> Int {
        let reserve = 64 + 4 * workers
        guard descriptors > reserve else {
            throw HTTPServerError(
                .descriptors,
                "serve connections: \(descriptors) open descriptors are allowed, \(reserve) are needed besides")
        }
        return min(wanted, descriptors - reserve)
    }
}

private func softDescriptorLimit() -> Int {
    var limit = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1_024 }
    return Int(clamping: limit.rlim_cur)
}
