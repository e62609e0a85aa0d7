import Platform
import TestSupport

/// What goes wrong in a hand-over.
enum Harm: CustomStringConvertible {
    /// The programs are killed, each as often as this, as soon as it is back.
    case kill(Victim, times: Int = 1)
    /// A link is cut, and mended later.
    case cut(Cut)

    var description: String {
        switch self {
        case .kill(let victim, _): "kill the \(victim)"
        case .cut(let cut): "\(cut)"
        }
    }
}

/// Whom to kill.
enum Victim: String, CaseIterable {
    case old, new, coordinator
    /// All three at once.
    case everyone
}

/// The link between one of the machines and the coordinator, through which nothing gets for a while; the machines do not talk to
/// each other.
struct Cut: CustomStringConvertible {
    enum End: String, CaseIterable { case old, new }
    enum Way: String, CaseIterable { case toCoordinator, fromCoordinator, both }

    let end: End
    let way: Way
    let length: Duration

    var description: String { "cut the link of the \(end), \(way), for \(length.whole) ms" }

    static func all(for length: Duration) -> [Cut] {
        End.allCases.flatMap { end in Way.allCases.map { Cut(end: end, way: $0, length: length) } }
    }
}

/// When: so long after the notice is there to be seen, or after a line of the log since then.
struct Moment: CustomStringConvertible {
    /// The so many-th such line.
    var line: (step: Step, number: Int)?
    var then = Duration.zero

    var description: String {
        let before = line.map { "\($0.step)\($0.number > 1 ? " (\($0.number))" : "")" } ?? "the notice"
        return "\(then.whole) ms after \(before)"
    }
}

/// A line of the log, without what differs from one hand-over to the next.
struct Step: Hashable, CustomStringConvertible {
    static let coordinator = "coordinator"
    /// `old`, `new`, or the coordinator.
    let who: String
    let what: String
    var description: String { "\(who): \(what)" }

    init(who: String, what: String) { (self.who, self.what) = (who, what) }

    init(_ line: Journal.Line, _ old: Host) {
        who = line.who == Self.coordinator ? Self.coordinator : line.who == old.box.name ? "old" : "new"
        what = line.what
    }
}

/// A program that is killed, and started again by systemd.
struct Target {
    let box: Box
    let unit: String
    let process: Int32

    init(_ unit: String, on box: Box) throws {
        (self.box, self.unit, process) = (box, unit, try box.process(of: unit))
    }

    func kill() throws { try box.ask("kill -9 \(process)") }
    var isStartedAgain: Bool { (try? box.process(of: unit)).map { $0 != process } ?? false }
}

extension Town {
    func targets(_ victim: Victim) throws -> [Target] {
        switch victim {
        case .old: [try Target("spot-agent", on: primary.box)]
        case .new: [try Target("spot-agent", on: replica.box)]
        case .coordinator: [try Target("spot-coordinator", on: hall)]
        case .everyone: try targets(.old) + targets(.new) + targets(.coordinator)
        }
    }

    func cut(_ host: Host, _ way: Cut.Way = .both) throws {
        if way != .fromCoordinator { try network.lose(from: host.box.place, to: hall.place) }
        if way != .toCoordinator { try network.lose(from: hall.place, to: host.box.place) }
    }

    func mendLinks() throws {
        for box in boxes { try network.mend(box.place) }
    }
}
