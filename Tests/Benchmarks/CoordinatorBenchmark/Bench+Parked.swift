import BenchmarkSupport
import Glibc
import JSON
import Platform
import Wire

// A fleet that does what agents do all day.
extension Bench {
    /// Leaves the fleet cycling.
    func measureParked(_ coordinator: CoordinatorProcess, _ fleet: Fleet, empty: Int) throws {
        let count = fleet.hosts.count
        let known = try coordinator.resident()
        try fleet.cycle(fleet.hosts[...])
        // So that every connection has answered and parked again; twice, for memory that stands still.
        try swarm.run(for: .seconds(Fleet.wait * (plan.isQuick ? 1 : 2)))
        let (usedBefore, answersBefore, begin) = (try processorTime(of: [coordinator.id]), fleet.answers, swarm.moment)
        try swarm.run(for: plan.cyclingTime)
        let took = swarm.moment - begin
        let used = try processorTime(of: [coordinator.id]) - usedBefore
        let answers = fleet.answers - answersBefore
        let parked = try coordinator.resident()
        guard plan.measurements.contains(.parked) else { return }
        showTitle("\(count) parked agents, cycling with wait=\(Fleet.wait)")
        show(
            "resident for each", kilobytes((parked - empty) / count),
            .atMost(Double(parked - empty) / Double(count) / 1_024, 12, "KB"))
        show(
            "  of that for knowing it, for its parked connection",
            "\(kilobytes((known - empty) / count)), \(kilobytes((parked - known) / count))")
        show(
            "resident empty, knowing them, with them parked",
            "\(megabytes(empty)), \(megabytes(known)), \(megabytes(parked))")
        show("heartbeats", "\(rounded(Double(answers) / (took / .seconds(1)), 0))/s")
        show("of one processor", "\(rounded(used / took * 100, 1)) %")
        show(
            "CPU for each heartbeat, parked and expired",
            "\(rounded(used / .microseconds(1) / Double(max(1, answers)), 1)) us")
    }

    /// Commands for agents chosen by chance, each given back so that the next is possible.
    func measurePush(_ coordinator: CoordinatorProcess, _ fleet: Fleet) throws {
        showTitle(
            "\(plan.pushes) durable commands, about 100/s, to parked agents among \(fleet.hosts.count) that cycle")
        let targets = Array(fleet.hosts.dropFirst(plan.pairs).dropLast(plan.pairs))
        var sent: [Int: Duration] = [:]
        var answered: [Int: Duration] = [:]
        var fromRequest: [Duration] = []
        var fromAnswer: [Duration] = []
        var untilAnswer: [Duration] = []
        var busy: Set<Int> = []
        for host in targets {
            let number = host.number
            host.obeys = { _, arrived in
                guard let begin = sent.removeValue(forKey: number) else { return }
                fromRequest.append(arrived - begin)
                fromAnswer.append(arrived - (answered[number] ?? arrived))
            }
            host.settled = { busy.remove(number) }
        }
        defer {
            for host in targets { (host.obeys, host.settled) = (nil, nil) }
        }
        var asked = 0
        func askNext() throws {
            guard asked < plan.pushes else { return }
            asked += 1
            let spread = Double(fleet.surroundings.random() % 1_000) / 1_000
            swarm.after(.milliseconds(5) + .milliseconds(10) * spread) { try askNext() }
            guard let host = choose(targets, besides: busy, fleet) else { return }
            busy.insert(host.number)
            answered[host.number] = nil
            let begin = swarm.moment
            sent[host.number] = begin
            try fleet.ask(.switchSlot, Route.switchSlot.path(host.slot), ForceSwitch(target: .onDemand)) { answer in
                guard answer.status == 200 || answer.status == 202 else {
                    fleet.note("switch answered \(answer.status): \(answer.text)")
                    sent[host.number] = nil
                    busy.remove(host.number)
                    return
                }
                answered[host.number] = self.swarm.now
                untilAnswer.append(self.swarm.now - begin)
            }
        }
        let use = try ProcessorUse(of: coordinator.id)
        try askNext()
        try swarm.run(for: .milliseconds(10) * plan.pushes + .seconds(15)) { asked == plan.pushes && busy.isEmpty }
        let spread = Spread(fromRequest)
        show(
            "from the operator's request to the agent's socket", spread.text,
            .atMost(spread.at(0.99) / .milliseconds(1), 5, "ms"))
        show("  to the operator's answer", Spread(untilAnswer).text)
        show("  from the operator's answer to the agent", Spread(fromAnswer).text)
        try showUse(since: use, coordinator)
        show("arrived", "\(fromRequest.count) of \(asked)", Target(text: "all", isMet: fromRequest.count == asked))
    }

    private func showUse(since use: ProcessorUse, _ coordinator: CoordinatorProcess) throws {
        show("  processors: coordinator, load, others", try ProcessorUse(of: coordinator.id).shares(since: use))
    }

    private func choose(_ hosts: [Host], besides busy: Set<Int>, _ fleet: Fleet) -> Host? {
        for _ in 0..<100 {
            let host = hosts[Int(fleet.surroundings.random() % UInt64(hosts.count))]
            if host.isParked && !busy.contains(host.number) { return host }
        }
        return nil
    }

    /// Every primary that has a ready replica announces its end in the same moment.
    func measureStorm(_ coordinator: CoordinatorProcess, _ fleet: Fleet) throws {
        let primaries = fleet.hosts.prefix(plan.pairs)
        let replicas = fleet.hosts.suffix(plan.pairs)
        showTitle(
            "\(plan.pairs) termination notices at once, each with a ready replica, \(fleet.hosts.count) agents cycling")
        var actions: [NoticeReply.Action: Int] = [:]
        var answers: [Duration] = []
        var promotions: [Duration] = []
        for replica in replicas {
            replica.obeys = { command, arrived in
                if case .promote = command.order { promotions.append(arrived) }
            }
        }
        let use = try ProcessorUse(of: coordinator.id)
        let begin = swarm.moment
        var connections: [Connection] = []
        for primary in primaries {
            var notice = Notice(
                instance: primary.instance, signal: .interruption(.terminate, at: fleet.wall + .seconds(120)),
                detectedAt: fleet.wall)
            notice.epoch = primary.epoch
            // Its first connection is parked, so the agent opens another.
            let connection = try Connection(swarm, to: fleet.port, number: primary.number) {}
            connections.append(connection)
            let path = notice.route.path(primary.slot)
            try connection.send(primary.request(notice.route, path, notice)) { [swarm] answer in
                answers.append(swarm.now)
                guard answer.status == 200 else {
                    return fleet.note("notice answered \(answer.status): \(answer.text)")
                }
                let reply = try decodeJSON(NoticeReply.self, from: Array(answer.body))
                actions[reply.action, default: 0] += 1
            }
        }
        let count = plan.pairs
        let isDone = try swarm.run(for: .seconds(30)) { answers.count == count && promotions.count >= count }
        let last = max(answers.max() ?? begin, promotions.max() ?? begin) - begin
        show(
            "until the last is decided and its successor told", isDone ? seconds(last) : "not within 30 s",
            .atMost(isDone ? last / .seconds(1) : 30, 5, "s"))
        show("  notices answered", Spread(answers.map { $0 - begin }).text)
        show("  successors told", Spread(promotions.map { $0 - begin }).text)
        show("  answered with", actions.map { "\($0.key.rawValue) \($0.value)" }.sorted().joined(separator: ", "))
        try showUse(since: use, coordinator)
        for connection in connections { connection.close() }
        for replica in replicas { replica.obeys = nil }
        try swarm.run(for: .seconds(2))
    }

    func measureRestart(_ coordinator: CoordinatorProcess, _ fleet: Fleet) throws {
        showTitle("restart with \(fleet.hosts.count) agents that come back as agents do")
        for (name, signal) in [("SIGTERM", SIGTERM), ("SIGKILL", SIGKILL)] {
            let begin = swarm.moment
            coordinator.send(signal: signal)
            guard try swarm.run(for: .seconds(20), until: { coordinator.hasEnded }) else {
                throw BenchmarkError("the coordinator did not end within 20 s of \(name)")
            }
            try coordinator.stop(signal)
            let ended = swarm.moment - begin
            let started = try coordinator.start()
            fleet.beginCounting(fleet.hosts[...])
            let isDone = try swarm.run(for: .seconds(40)) { fleet.isComplete }
            let took = swarm.moment - begin
            show(
                "\(name): until all had an answer", isDone ? seconds(took) : "\(fleet.back.count) within 40 s",
                .atMost(isDone ? took / .seconds(1) : 40, 15, "s"))
            show(
                "  until it had ended, from its start to its first answer",
                "\(seconds(ended)), \(milliseconds(started))")
        }
    }
}
