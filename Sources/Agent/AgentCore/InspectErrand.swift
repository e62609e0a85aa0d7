import Wire

/// Asks EC2 what became of a machine. That it does not know it is only said after it said so twice: a machine that was just
/// launched is not known everywhere at once.
struct InspectErrand: Errand {
    static let pause = Duration.seconds(5)

    let target: InstanceID
    private var wasUnknown = false

    init(_ target: InstanceID) { self.target = target }

    mutating func go(on event: ErrandEvent, _ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        guard case .answered(let answer) = event else {
            return .call(.describeInstances([target]), within: .seconds(30))
        }
        do {
            let state = try answer.instance(target)?.state ?? .notFound
            if state == .notFound, !wasUnknown {
                wasUnknown = true
                return .rest(Self.pause)
            }
            return .done(
                "\(target) is \(state.rawValue)",
                .inspected([CommandResult.InspectedInstance(instance: target, state: state)]))
        } catch {
            return .failed("look what became of \(target): \(error)")
        }
    }
}

/// Waits until the configuration that the coordinator wants to be in force is.
struct ConfigurationErrand: Errand {
    static let patience = Duration.seconds(60)

    let wanted: ConfigVersion
    private var deadline: Duration?

    init(_ wanted: ConfigVersion) { self.wanted = wanted }

    mutating func go(on event: ErrandEvent, _ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        let version = standing.configuration.version
        if version >= wanted { return .done("configuration \(version) is in force", .configured(version)) }
        let deadline = self.deadline ?? turn.now + Self.patience
        self.deadline = deadline
        if turn.now >= deadline {
            return .failed(
                "configuration \(wanted) could not be fetched in \(Self.patience.components.seconds) s; "
                    + "\(version) is in force")
        }
        turn.wantConfiguration()
        return .rest(.seconds(1))
    }
}
