import Wire

extension Findings {
    private static let tokenRemedy =
        "spot-coordinator client token shows the right one: it belongs into /etc/credstore/client-token, mode 0600, or into "
        + "the file that SPOT_OPTIMIZER_CLIENT_TOKEN_FILE names"

    var serverLine: CheckLine {
        let subject = "server"
        guard let server else {
            return .failed(subject, "not asked: its address is not known", "set SPOT_OPTIMIZER_SERVER_URL")
        }
        switch service {
        case nil: return .failed(subject, "\(server): \(Self.late)", Self.reachRemedy)
        case .failure(.unreachable(let sentence)): return .failed(subject, sentence, Self.reachRemedy)
        case .failure(let failure): return .failed(subject, failure.sentence, Self.addressRemedy)
        case .success(let service): return judge(service, at: server)
        }
    }

    private static let reachRemedy =
        "see that the coordinator runs, that SPOT_OPTIMIZER_SERVER_URL is its address, and that security groups and "
        + "firewalls let this machine reach it"
    private static let addressRemedy =
        "SPOT_OPTIMIZER_SERVER_URL must lead to a spot-coordinator; is another program or a proxy there?"

    private func judge(_ service: ServiceDescription, at server: String) -> CheckLine {
        let subject = "server"
        guard service.name == "spot-coordinator" else {
            return .failed(
                subject, "\(server) is no spot-coordinator but \(service.name.prefix(64))", Self.addressRemedy)
        }
        let finding = "\(server) is spot-coordinator \(service.version), protocol \(service.protocol)"
        // A program reads the version before its own too; coordinators are upgraded before agents.
        if service.protocol < protocolVersion {
            return .failed(subject, "\(finding); this agent speaks \(protocolVersion)", "upgrade the coordinator first")
        }
        if service.protocol > protocolVersion + 1 {
            return .failed(subject, "\(finding); this agent speaks \(protocolVersion)", "upgrade this agent")
        }
        guard isOpenToOthers(server) else { return .ok(subject, finding) }
        return .warning(
            subject, "\(finding); without TLS everybody on the way can read the tokens",
            "give the coordinator a certificate, and an https:// address here")
    }

    private func isOpenToOthers(_ server: String) -> Bool {
        guard server.lowercased().hasPrefix("http://") else { return false }
        let host = server.dropFirst("http://".count).prefix { $0 != "/" }
        return !["localhost", "127.", "[::1]"].contains { host.lowercased().hasPrefix($0) }
    }

    /// Whether a client's token may be shown to it.
    package var isCoordinator: Bool {
        if case .success(let service) = service { service.name == "spot-coordinator" } else { false }
    }

    var tokenLine: CheckLine {
        let subject = "token"
        guard hasToken else {
            return .failed(
                subject, "no client token is given, or none that this user may read",
                "\(Self.tokenRemedy); the service's own credential only root sees: run this as root")
        }
        guard isCoordinator else { return .warning(subject, "not tried: no spot-coordinator answers", nil) }
        switch client {
        case nil: return .failed(subject, Self.late, "try again; the coordinator is slow")
        case .success(let client): return .ok(subject, "the coordinator takes it: client \(client.name)")
        case .failure(.refused(403, .inactiveClient, let sentence, _)):
            return .failed(subject, sentence, "the client is switched off: ask the coordinator's administrator")
        case .failure(.refused(401, _, let sentence, _)), .failure(.refused(403, _, let sentence, _)):
            return .failed(subject, "the coordinator does not take it: \(sentence)", Self.tokenRemedy)
        case .failure(let failure):
            return .failed(subject, failure.sentence, "try again; see the coordinator's journal")
        }
    }
}

// MARK: The clock

extension Findings {
    /// More than two hosts that keep their time by NTP ever differ by.
    private static let astrayBeyond = Duration.seconds(1)
    /// AWS takes signatures that are up to 5 minutes off.
    private static let unsignedBeyond = Duration.seconds(300)

    var clockLine: CheckLine {
        let readings = [("the coordinator's", coordinatorClock), ("AWS'", cloudClock)].compactMap { name, clock in
            clock.map { (name: name, clock: $0) }
        }
        let subject = "clock"
        guard !readings.isEmpty else { return .warning(subject, "not compared: nobody told the time", nil) }
        let finding = readings.map { "\(words($0.clock)) \($0.name)" }.joined(separator: ", ")
        let worst = readings.map(\.clock.difference).max() ?? .zero
        if worst <= Self.astrayBeyond { return .ok(subject, finding) }
        let isOurs = cloudClock.map { $0.difference > Self.astrayBeyond } ?? true
        let remedy =
            isOurs
            ? "set this machine's clock, and keep it set: chronyc makestep, timedatectl set-ntp true"
            : "AWS agrees with this machine: set the coordinator's clock"
        // AWS is the judge of signatures; the coordinator stands in for it where it did not answer.
        let judge = (cloudClock ?? coordinatorClock)?.difference ?? .zero
        guard judge > Self.unsignedBeyond else { return .warning(subject, finding, remedy) }
        return .failed(subject, "\(finding): AWS refuses signatures that are 5 minutes off", remedy)
    }

    private func words(_ clock: ClockReading) -> String {
        guard clock.difference > .zero else { return "in step with" }
        let ahead = clock.ahead > .zero
        let milliseconds = Int64(max(clock.ahead, .zero - clock.ahead) / .milliseconds(1))
        let size = milliseconds < 10_000 ? "\(milliseconds) ms" : "\(milliseconds / 1_000) s"
        return "\(size) \(ahead ? "ahead of" : "behind")"
    }
}
