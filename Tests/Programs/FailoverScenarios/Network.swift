import Glibc
import Platform
import TestSupport

/// A bridge in the network that this program was started in, with this side's address on it, and behind it a network of its own
/// for each machine.
final class Network {
    /// A machine's network: it is there for as long as the process that holds it.
    final class Place {
        let address: String
        fileprivate let holder: ChildProcess
        /// Whom it cannot reach.
        fileprivate var lost: Set<String> = []
        /// What `nsenter --net=` takes.
        var path: String { "/proc/\(holder.id)/ns/net" }

        fileprivate init(_ address: String) throws {
            self.address = address
            holder = try ChildProcess("/usr/bin/unshare", ["--net", "/bin/sh", "-c", "echo made; exec sleep infinity"])
            try holder.waitForText("made")
        }
    }

    /// Where this program, the client of the workload and the pretended AWS are.
    static let own = "10.77.0.1"
    /// The pretended metadata services', all on this side.
    static let metadata = "10.77.1.0/24"
    /// No machine has it: what is sent there is lost without a word.
    private static let nobody = "02:00:00:00:00:ff"

    init() throws {
        try Self.ip(
            "link set lo up", "link add town type bridge", "link set town up", "address add \(Self.own)/24 dev town",
            "route add local \(Self.metadata) dev lo")
    }

    func add(_ name: String, _ address: String) throws -> Place {
        let place = try Place(address)
        try Self.ip(
            "link add to-\(name) type veth peer name eth0 netns \(place.holder.id)",
            "link set to-\(name) master town up")
        try Self.ip(
            "link set lo up", "address add \(address)/24 dev eth0", "link set eth0 up",
            "route add \(Self.metadata) via \(Self.own)", in: place)
        return place
    }

    /// From now on nothing that one sends reaches the other. What the other sends does.
    func lose(from place: Place, to other: Place) throws { try lose(from: place, to: other.address) }

    func lose(from place: Place, to address: String) throws {
        try Self.ip("neighbour replace \(address) lladdr \(Self.nobody) nud permanent dev eth0", in: place)
        place.lost.insert(address)
    }

    func mend(_ place: Place) throws {
        for address in place.lost { try Self.ip("neighbour del \(address) dev eth0", in: place) }
        place.lost = []
    }

    private static func ip(_ commands: String..., in place: Place? = nil) throws {
        let inside = place.map { "/usr/bin/nsenter --net=\($0.path) " } ?? ""
        let lines = commands.map { "\(inside)ip \($0)" }.joined(separator: " && ")
        let path = "PATH=/usr/sbin:/sbin:/usr/bin:/bin"
        let outcome = try ChildProcess("/bin/sh", ["-c", "export \(path); \(lines)"]).waitForEnd()
        guard outcome.status == 0 else { throw Broken("\(lines) (Debian: iproute2): \(outcome.errors)") }
    }
}
