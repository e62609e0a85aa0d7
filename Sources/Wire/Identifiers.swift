// Every name that crosses the network, and its rule. Lengths follow the columns of the original database, so that no
// name that it could hold is refused. The rules of names that every heartbeat has are one pass without an allocation.

/// A workload's place: one client's `logical_agent_id`. Called `agent_id` on the wire (Decisions/0003).
package typealias SlotID = Identifier<SlotKind>
/// The name that the operator gave the workload, or the first instance's id.
package typealias LogicalAgentID = Identifier<LogicalAgentKind>
/// A tenant.
package typealias ClientID = Identifier<ClientKind>
/// A machine of EC2. A placeholder never is one.
package typealias InstanceID = Identifier<InstanceKind>
/// What stands in for an instance that does not exist yet, in lists made for the original dashboard.
package typealias PlaceholderID = Identifier<PlaceholderKind>
package typealias ReplicaID = Identifier<ReplicaKind>
package typealias CommandID = Identifier<CommandKind>
package typealias IncidentID = Identifier<IncidentKind>
/// Where capacity is bought: instance type and availability zone, `m5.large.us-east-1b`.
package typealias PoolID = Identifier<PoolKind>
package typealias Region = Identifier<RegionKind>
package typealias AvailabilityZone = Identifier<AvailabilityZoneKind>
package typealias InstanceType = Identifier<InstanceTypeKind>
/// An image, snapshot or volume of EC2.
package typealias ResourceID = Identifier<ResourceKind>
/// Names one request in replies and logs.
package typealias RequestID = Identifier<RequestKind>
/// Makes a report idempotent: the same id is the same report, however often it arrives.
package typealias ReportID = Identifier<ReportKind>
/// A place in the event log. Only the coordinator knows what is in it; others hand it back as it came.
package typealias EventCursor = Identifier<EventCursorKind>

package enum SlotKind: ServerMade { package static let noun = "an agent id" }
package enum ClientKind: ServerMade { package static let noun = "a client id" }
package enum ReplicaKind: ServerMade { package static let noun = "a replica id" }
package enum CommandKind: ServerMade { package static let noun = "a command id" }
package enum IncidentKind: ServerMade { package static let noun = "an incident id" }
package enum RequestKind: CallerMade { package static let noun = "a request id" }
package enum ReportKind: CallerMade { package static let noun = "a report id" }
package enum EventCursorKind: CallerMade { package static let noun = "an event cursor" }

/// Names that the coordinator makes: they stand in paths, so only characters that need no escaping.
package protocol ServerMade: IdentifierKind { static var noun: String { get } }
extension ServerMade {
    package static var expectation: String { "\(noun) (1 to 64 letters, digits, - or _)" }
    package static var bytes: ClosedRange<Int> { 1...64 }
    package static func admits(_ text: String) -> Bool {
        text.utf8.allSatisfy { $0.isLetter || $0.isDigit || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") }
    }
}

/// Names that the other side makes up: opaque, but they go into headers and logs, so printable ASCII without blanks.
package protocol CallerMade: IdentifierKind { static var noun: String { get } }
extension CallerMade {
    package static var expectation: String { "\(noun) (1 to 128 printable ASCII characters, no blank)" }
    package static var bytes: ClosedRange<Int> { 1...128 }
    package static func admits(_ text: String) -> Bool { text.utf8.allSatisfy { (0x21...0x7E).contains($0) } }
}

package enum LogicalAgentKind: IdentifierKind {
    package static let expectation = "a logical agent id (1 to 255 bytes, no control character)"
    package static let bytes = 1...255
    package static func admits(_ text: String) -> Bool { text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F } }
}

package enum InstanceKind: IdentifierKind {
    package static let expectation = "an instance id (i- and 8 or 17 hexadecimal digits)"
    package static let bytes = 10...19
    package static func admits(_ text: String) -> Bool {
        let bytes = text.utf8.span
        guard bytes.count == 10 || bytes.count == 19, bytes[0] == UInt8(ascii: "i"), bytes[1].isHyphen else {
            return false
        }
        for at in 2..<bytes.count where !bytes[at].isHexadecimal { return false }
        return true
    }
}

package enum PlaceholderKind: IdentifierKind {
    static let prefixes = ["manual-", "replica-", "emergency-", "i-pending-"]
    package static let expectation = "a placeholder (\(prefixes.joined(separator: ", ")), then letters, digits, - or _)"
    package static let bytes = 8...64
    package static func admits(_ text: String) -> Bool {
        ReplicaKind.admits(text) && prefixes.contains { text.hasPrefix($0) && text.utf8.count > $0.utf8.count }
    }
}

package enum RegionKind: IdentifierKind {
    package static let expectation = "a region (such as us-east-1)"
    package static let bytes = 6...32
    package static func admits(_ text: String) -> Bool { text.isPlaceName && text.utf8.last?.isDigit == true }
}

package enum AvailabilityZoneKind: IdentifierKind {
    package static let expectation = "an availability zone (such as us-east-1b)"
    package static let bytes = 7...48
    package static func admits(_ text: String) -> Bool { text.isPlaceName }
}

package enum InstanceTypeKind: IdentifierKind {
    package static let expectation = "an instance type (such as m5.large)"
    package static let bytes = 3...50
    package static func admits(_ text: String) -> Bool {
        let bytes = text.utf8.span
        var dot: Int?
        for at in bytes.indices {
            if bytes[at] == UInt8(ascii: "."), dot == nil {
                dot = at
            } else if !bytes[at].isSmallLetter && !bytes[at].isDigit && !bytes[at].isHyphen {
                return false
            }
        }
        // Something stands on both sides.
        return dot.map { $0 > 0 && $0 < bytes.count - 1 } ?? false
    }
}

package enum PoolKind: IdentifierKind {
    package static let expectation = "a pool id (instance type, dot, availability zone)"
    package static let bytes = 11...99
    package static func admits(_ text: String) -> Bool { PoolID.halves(of: text) != nil }
}

extension Identifier where Kind == PoolKind {
    package init(_ type: InstanceType, _ zone: AvailabilityZone) { text = "\(type).\(zone)" }

    package var instanceType: InstanceType { checkedHalves.type }
    package var zone: AvailabilityZone { checkedHalves.zone }

    private var checkedHalves: (type: InstanceType, zone: AvailabilityZone) {
        guard let halves = Self.halves(of: text) else { preconditionFailure("a pool id is checked when it is made") }
        return halves
    }

    /// The zone is what follows the last dot: an instance type has a dot of its own, a zone has none.
    fileprivate static func halves(of text: String) -> (type: InstanceType, zone: AvailabilityZone)? {
        guard let dot = text.lastIndex(of: "."), let type = try? InstanceType(String(text[..<dot])),
            let zone = try? AvailabilityZone(String(text[text.index(after: dot)...]))
        else { return nil }
        return (type, zone)
    }
}

package enum ResourceKind: IdentifierKind {
    package static let expectation = "an id of EC2 (such as ami-0a1b2c3d4e5f60718)"
    package static let bytes = 5...64
    package static func admits(_ text: String) -> Bool {
        let parts = text.utf8.split(separator: UInt8(ascii: "-"), maxSplits: 1, omittingEmptySubsequences: false)
        return parts.count == 2 && !parts[0].isEmpty && parts[0].allSatisfy(\.isSmallLetter)
            && !parts[1].isEmpty && parts[1].allSatisfy { $0.isSmallLetter || $0.isDigit }
    }
}

extension UInt8 {
    fileprivate var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
    fileprivate var isSmallLetter: Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self) }
    fileprivate var isLetter: Bool { (self | 0x20).isSmallLetter }
    fileprivate var isHexadecimal: Bool { isDigit || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(self) }
    fileprivate var isHyphen: Bool { self == UInt8(ascii: "-") }
}

extension String {
    /// Small letters and digits in at least three parts joined by hyphens: every region and zone of AWS has these, and
    /// the word `unknown`, which old agents send in their place, has not.
    fileprivate var isPlaceName: Bool {
        let bytes = utf8.span
        var parts = 1
        var previous = UInt8(ascii: "-")
        for at in bytes.indices {
            let byte = bytes[at]
            if byte.isHyphen { parts += 1 }
            guard byte.isHyphen ? !previous.isHyphen : byte.isSmallLetter || byte.isDigit else { return false }
            previous = byte
        }
        return parts >= 3 && !previous.isHyphen
    }
}
