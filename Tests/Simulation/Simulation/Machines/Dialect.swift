import AgentCore
import JSON
import Wire

/// Which version of the protocol a host speaks. What is new is additive: the version before does not send the newest optional
/// fields, and the version after sends and gets some that nobody knows yet.
enum Dialect: CaseIterable {
    case current, before, after

    /// As this version would have asked it.
    func spoken(_ question: Question) -> Question {
        guard self == .before, case .heartbeat(var heartbeat, let wait, let slot, let token) = question else {
            return question
        }
        (heartbeat.health, heartbeat.clock) = (nil, nil)
        return .heartbeat(heartbeat, wait: wait, of: slot, token)
    }

    /// An object with a field of a later version behind the others.
    func written(_ body: [UInt8]) -> [UInt8] {
        guard self == .after, body.last == UInt8(ascii: "}"), body.count > 2 else { return body }
        return body.dropLast() + Array(#","of_a_later_version":{"a":[1,null,"b"]}}"#.utf8)
    }
}
