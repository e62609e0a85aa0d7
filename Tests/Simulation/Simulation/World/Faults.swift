/// The fault model: what we promise to survive, and hence what may be injected. Which of them a run meets, and how strong, is
/// drawn from its seed, so that no fault hides another (swarm testing).
///
/// **Network.** A message is lost, late by up to seconds, twice, or behind a later one; a host is cut off in one direction or
/// in both; a connection ends without a word. Nothing is altered on its way: TLS sees to that.
///
/// **Hosts.** An agent is killed at any moment and restarted; what it had given to the disk and was not told of may be there
/// whole, in part, or not. A host stands still for up to minutes, with its clocks or without. Its wall clock is wrong, drifts and
/// is set. Its disk is slow or full. Its metadata service does not answer, or answers with an error. Its agent is of this version
/// of the protocol, of the one before, or of the one after.
///
/// **Workloads.** A unit does not start, takes its time, goes on after SIGTERM, or after SIGKILL for a while, as a process in the
/// kernel's hands does; a hook fails or hangs; a probe says no for a while, or hears nothing. The service manager does not
/// answer for a while; its timers go on. An agent is killed between any two steps of a hand-over, and so is the coordinator; a
/// replica becomes unfit at the moment that it is chosen. A machine is started anew, in good order or suddenly, and its workload
/// with it or not; an agent is restarted, as an upgrade does.
///
/// **The fate of machines.** EC2's notice comes in time, late, never, again and again, for nothing, or for two machines of a
/// workload at once; recommendations come for a
/// whole zone at once; planned work is put off and called off. A machine ends without a word.
///
/// **EC2.** It throttles, has no room, is slow, shows what it did late, does what it was asked and loses the answer. It
/// honours a client's token, and never says that a machine has ended that runs.
///
/// **The coordinator.** It is killed between any two steps of the disk, before or after a commit, and keeps what was synced and
/// any part of what was not. It stands still. Its disk is slow, full, or fails. Its wall clock is set.
///
/// **People.** Whoever operates it changes settings, asks for switches and promotions, deletes replicas and agents, and takes
/// deletions back, at any time. Whoever owns a workload starts a machine when none is left.
///
/// Not survived, and not injected: a disk that says it has synced and has not, a record that was restored from an older copy, two
/// coordinators on one database, clocks that count from boot at another rate than time, somebody who lies.
struct Faults {
    // Probabilities, of each message or question.
    var loss = 0.0
    var delay = 0.0
    var duplication = 0.0
    var metadata = 0.0
    var cloud = 0.0
    var cloudLosesAnswers = 0.0
    var noCapacity = 0.0
    // Of each step of a hand-over on a host, of each commit while one is under way,
    var handOverCrashes = 0.0
    var coordinatorHandOverCrashes = 0.0
    // and of each machine in one when it begins, and each end of a machine.
    var unfitInHandOver = 0.0
    var endsInPairs = 0.0
    // How often, in a minute of virtual time: of each host,
    var cuts = 0.0
    var agentCrashes = 0.0
    var pauses = 0.0
    var clockJumps = 0.0
    var diskTroubles = 0.0
    var metadataHangs = 0.0
    var unitTroubles = 0.0
    var hookTroubles = 0.0
    var probeTroubles = 0.0
    var managerTroubles = 0.0
    var agentRestarts = 0.0
    var reboots = 0.0
    // of each workload,
    var interruptions = 0.0
    var silentEnds = 0.0
    var falseNotices = 0.0
    var maintenance = 0.0
    // and of the whole.
    var rebalanceStorms = 0.0
    var coordinatorCrashes = 0.0
    var coordinatorPauses = 0.0
    var coordinatorDiskTroubles = 0.0
    var coordinatorClockJumps = 0.0
    var capacityTroubles = 0.0
    var operatorActions = 2.0
    // How the world is.
    var mixedVersions = false
    var cloudShowsLate = false
    var slowLaunches = false
    var wrongClocks = false
    var slowUnits = false

    /// Nothing goes wrong.
    static let none: Faults = {
        var faults = Faults()
        faults.operatorActions = 0
        return faults
    }()

    static func drawn(_ chance: Chance) -> Faults {
        var faults = Faults()
        for probability in probabilities where chance.happens(0.4) {
            faults[keyPath: probability.path] = probability.most * chance.fraction() * chance.fraction()
        }
        for rate in rates where chance.happens(0.35) {
            faults[keyPath: rate.path] = rate.most * (0.1 + 0.9 * chance.fraction())
        }
        for flag in flags { faults[keyPath: flag] = chance.happens(0.4) }
        faults.operatorActions = 0.5 + 5 * chance.fraction()
        return faults
    }

    private typealias Share = (path: any WritableKeyPath<Faults, Double> & Sendable, most: Double)

    private static let probabilities: [Share] = [
        (\.loss, 0.4), (\.delay, 0.4), (\.duplication, 0.3), (\.metadata, 0.5), (\.cloud, 0.5),
        (\.cloudLosesAnswers, 0.3), (\.noCapacity, 0.5),
        (\.handOverCrashes, 0.2), (\.coordinatorHandOverCrashes, 0.2), (\.unfitInHandOver, 0.5), (\.endsInPairs, 0.8),
    ]
    private static let rates: [Share] = [
        (\.cuts, 0.3), (\.agentCrashes, 0.5), (\.pauses, 0.2), (\.clockJumps, 0.3), (\.diskTroubles, 0.3),
        (\.metadataHangs, 0.3), (\.interruptions, 0.25), (\.silentEnds, 0.1), (\.falseNotices, 0.15),
        (\.maintenance, 0.05), (\.rebalanceStorms, 0.05), (\.coordinatorCrashes, 0.6), (\.coordinatorPauses, 0.2),
        (\.coordinatorDiskTroubles, 0.2), (\.coordinatorClockJumps, 0.2), (\.capacityTroubles, 0.2),
        (\.unitTroubles, 0.3), (\.hookTroubles, 0.4), (\.probeTroubles, 0.3), (\.managerTroubles, 0.2),
        (\.agentRestarts, 0.2), (\.reboots, 0.15),
    ]
    private static let flags: [any WritableKeyPath<Faults, Bool> & Sendable] = [
        \.mixedVersions, \.cloudShowsLate, \.slowLaunches, \.wrongClocks, \.slowUnits,
    ]

    /// Those that are on, for a person.
    var summary: String {
        let shares = (Self.probabilities + Self.rates).filter { self[keyPath: $0.path] > 0 }
            .map { "\(Self.name($0.path)) \(Self.rounded(self[keyPath: $0.path]))" }
        let flags = Self.flags.filter { self[keyPath: $0] }.map { Self.name($0) }
        return (shares + flags).joined(separator: ", ")
    }

    private static func name(_ path: PartialKeyPath<Faults>) -> String {
        // `\Faults.loss`
        String("\(path)".split(separator: ".").last ?? "")
    }

    private static func rounded(_ number: Double) -> String { "\((number * 100).rounded() / 100)" }
}
