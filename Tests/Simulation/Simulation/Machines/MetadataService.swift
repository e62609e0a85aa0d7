import AgentCore
import JSON
import Wire

/// The metadata service of one machine: who it is, and what EC2 lets it know of its end.
final class MetadataService {
    private let instance: CloudInstance
    private let chance: Chance
    /// It takes requests and does not answer.
    var hangs = false
    var errors = 0.0

    /// What is announced, as the service writes it.
    var interruption: (action: String, at: Timestamp)?
    var rebalanceAt: Timestamp?
    var maintenance: [Work] = []
    /// A part of the service that does not know yet answers now and then.
    var flickers = false

    struct Work {
        var event: String
        var notBefore: Timestamp
        var isCancelled = false
    }

    init(_ instance: CloudInstance, _ chance: Chance) {
        self.instance = instance
        self.chance = chance
    }

    var zone: AvailabilityZone? { instance.zone }

    func heal() { (hangs, errors, flickers) = (false, 0, false) }

    /// Nil: no answer comes.
    func read(_ item: MetadataItem) -> MetadataReading? {
        if hangs { return nil }
        if errors > 0, chance.happens(errors) { return chance.happens(0.3) ? nil : .failed("500") }
        let isMissed = flickers && chance.happens(0.4)
        switch item {
        case .instanceAction: return Self.reading(isMissed ? nil : interruption.map(Self.text))
        case .rebalance:
            let time = isMissed ? nil : rebalanceAt
            return Self.reading(time.map { #"{"noticeTime": \#(Self.json($0))}"# })
        case .lifecycleState: return .absent
        case .maintenance: return Self.reading(maintenance.isEmpty ? nil : Self.text(maintenance))
        case .instanceID: return .value(instance.id.text)
        case .zone: return Self.reading(instance.zone?.text)
        case .instanceType: return Self.reading(instance.instanceType?.text)
        case .image: return Self.reading(instance.image?.text)
        case .privateAddress: return .value("10.0.0.7")
        case .publicAddress: return .absent
        case .lifeCycle: return .value(instance.mode == .spot ? "spot" : "on-demand")
        }
    }

    /// As an old program reads it.
    var notice: (action: String, time: String)? {
        let isMissed = flickers && chance.happens(0.4)
        return isMissed ? nil : interruption.map { ($0.action, "\($0.at)") }
    }

    private static func reading(_ text: String?) -> MetadataReading { text.map { .value($0) } ?? .absent }

    private static func json(_ time: Timestamp) -> String { String(decoding: encodeJSON(time), as: UTF8.self) }

    private static func text(_ notice: (action: String, at: Timestamp)) -> String {
        #"{"action": "\#(notice.action)", "time": \#(json(notice.at))}"#
    }

    private static func text(_ works: [Work]) -> String {
        let events = works.map { work in
            #"{"NotBefore": "\#(ec2(work.notBefore))", "Code": "system-reboot", "EventId": "\#(work.event)", "#
                + #""State": "\#(work.isCancelled ? "canceled" : "active")"}"#
        }
        return "[\(events.joined(separator: ", "))]"
    }

    /// `21 Jan 2019 09:00:43 GMT`, of `"2019-01-21T09:00:43.…Z"`.
    private static func ec2(_ time: Timestamp) -> String {
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let text = Array(json(time).dropFirst())
        let (year, day, clock) = (String(text[0..<4]), String(text[8..<10]), String(text[11..<19]))
        let month = Int(String(text[5..<7])).map { months[$0 - 1] } ?? "Jan"
        return "\(day) \(month) \(year) \(clock) GMT"
    }
}
