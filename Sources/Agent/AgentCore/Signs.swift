import JSON
import Wire

/// What the metadata service announces, and what it has announced before.
struct Signs: Sendable {
    /// So often in a row it has to say nothing where it said something before it is believed: one read may come from a part
    /// of the service that does not know yet.
    private static let goneAfter = 3

    private struct Sign: Sendable {
        let signal: Notice.Signal
        var misses = 0
    }

    private var interruption: Sign?
    private var lifecycle: Sign?
    private var rebalance: Sign?
    /// By the event's id.
    private var maintenance: [String: Sign] = [:]

    /// `text` is nil where the service says nothing.
    mutating func read(_ item: MetadataItem, _ text: String?) throws(MetadataFault) -> [Watch.Finding] {
        switch item {
        case .instanceAction: Self.follow(&interruption, try text.map(readInstanceAction))
        case .lifecycleState: Self.follow(&lifecycle, try text.flatMap(readLifecycleState))
        case .rebalance: Self.follow(&rebalance, try text.map(readRebalance))
        case .maintenance: followMaintenance(try text.map(readMaintenance) ?? [])
        default: preconditionFailure("\(item) announces nothing")
        }
    }

    private static func follow(_ sign: inout Sign?, _ now: Notice.Signal?) -> [Watch.Finding] {
        if let now {
            defer { sign = Sign(signal: now) }
            return now == sign?.signal ? [] : [.noticed(now)]
        }
        guard var gone = sign else { return [] }
        gone.misses += 1
        guard gone.misses >= goneAfter else {
            sign = gone
            return []
        }
        sign = nil
        return [.gone(gone.signal)]
    }

    private mutating func followMaintenance(_ events: [Maintenance]) -> [Watch.Finding] {
        var findings: [Watch.Finding] = []
        for event in events {
            let known = maintenance[event.event]
            guard event.cancelled else {
                maintenance[event.event] = Sign(signal: .maintenance(event))
                if known?.signal != .maintenance(event) { findings.append(.noticed(.maintenance(event))) }
                continue
            }
            maintenance[event.event] = nil
            if known != nil { findings.append(.gone(.maintenance(event))) }
        }
        for name in maintenance.keys.sorted() where !events.contains(where: { $0.event == name }) {
            var sign = maintenance[name]
            findings += Self.follow(&sign, nil).map(Self.calledOff)
            maintenance[name] = sign
        }
        return findings
    }

    private static func calledOff(_ finding: Watch.Finding) -> Watch.Finding {
        guard case .gone(.maintenance(var event)) = finding else { return finding }
        event.cancelled = true
        return .gone(.maintenance(event))
    }
}

// MARK: What the service writes

/// `{"action": "stop", "time": "2026-11-20T08:22:00Z"}`
private func readInstanceAction(_ text: String) throws(MetadataFault) -> Notice.Signal {
    do throws(JSONError) {
        let object = try JSONDocument(Array(text.utf8)).root.object()
        let time = try object.required("time").timestamp()
        let word = try object.required("action").string()
        // A word that is not known yet: whatever it does, the machine will not serve after it.
        return .interruption(Notice.InterruptionAction(rawValue: word) ?? .terminate, at: time)
    } catch { throw MetadataFault("spot/instance-action: \(error)") }
}

/// `{"noticeTime": "2026-11-20T08:22:00Z"}`: when is of no use, but a page of somebody else's is no recommendation.
private func readRebalance(_ text: String) throws(MetadataFault) -> Notice.Signal {
    do throws(JSONError) {
        _ = try JSONDocument(Array(text.utf8)).root.object().required("noticeTime").string()
        return .rebalance
    } catch { throw MetadataFault("events/recommendations/rebalance: \(error)") }
}

/// The group moves the machine out of service; what it is moved to says how.
private func readLifecycleState(_ text: String) throws(MetadataFault) -> Notice.Signal? {
    let isState = text.utf8.allSatisfy { $0 == UInt8(ascii: ":") || (0x41...0x5A).contains($0 & 0xDF) }
    guard isState, !text.isEmpty else {
        throw MetadataFault("autoscaling/target-lifecycle-state: expected a state such as InService")
    }
    let staysUp = ["Warmed:Pending", "Warmed:Pending:Wait", "Warmed:Pending:Proceed", "Warmed:Running"]
    guard text == "Terminated" || (text.hasPrefix("Warmed:") && !staysUp.contains(text)) else { return nil }
    return .lifecycle(target: String(text.prefix(64)))
}

/// `[{"NotBefore": "21 Jan 2019 09:00:43 GMT", "Code": "system-reboot", "EventId": …, "State": "active", …}]`
private func readMaintenance(_ text: String) throws(MetadataFault) -> [Maintenance] {
    do throws(JSONError) {
        var events: [Maintenance] = []
        for element in try JSONDocument(Array(text.utf8)).root.array().prefix(eventsMax) {
            events.append(try readEvent(element.object()))
        }
        return events
    } catch { throw MetadataFault("events/maintenance/scheduled: \(error)") }
}

/// More than EC2 plans for one machine at a time.
private let eventsMax = 16

private func readEvent(_ event: JSONObject) throws(JSONError) -> Maintenance {
    let notBefore = try event.required("NotBefore")
    guard let begin = Timestamp(ec2: try notBefore.string()) else {
        throw notBefore.fail("expected a time such as 21 Jan 2019 09:00:43 GMT")
    }
    let description = try event.optional("Description")?.string() ?? ""
    let state = try event.optional("State")?.string() ?? "active"
    return Maintenance(
        event: try event.required("EventId").string(), code: try event.required("Code").string(), notBefore: begin,
        notAfter: try event.optional("NotAfter")?.string().isEmpty == false
            ? Timestamp(ec2: try event.required("NotAfter").string()) : nil,
        cancelled: state != "active" || description.hasPrefix("[Canceled]") || description.hasPrefix("[Completed]"))
}

extension Timestamp {
    /// As EC2 writes times in scheduled events: `21 Jan 2019 09:00:43 GMT`.
    init?(ec2 text: String) {
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let parts = text.split(separator: " ")
        guard parts.count == 5, parts[4] == "GMT", (1...2).contains(parts[0].utf8.count),
            let month = months.firstIndex(of: String(parts[1]))
        else { return nil }
        let day = parts[0].utf8.count == 1 ? "0\(parts[0])" : String(parts[0])
        let number = month < 9 ? "0\(month + 1)" : "\(month + 1)"
        self.init(rfc3339: "\(parts[2])-\(number)-\(day)T\(parts[3])Z")
    }
}
