import CoordinatorCore
import CoordinatorStore
import JSON
import Testing
import Wire

/// What is over its time goes, a few rows at a time, and nothing else does.
struct RetentionTests {
    private static let day = 86_400

    @Test func `each kind goes after its time, and not before`() throws {
        try withHistory { (store) throws in
            // What is left of each after so many days: events, prices, commands, reports, hosts, replicas, incidents.
            for (days, left) in [
                (7, [3, 1, 2, 1, 2, 3, 2]), (8, [3, 1, 1, 0, 2, 3, 2]), (31, [3, 0, 1, 0, 1, 1, 2]),
                (91, [0, 0, 1, 0, 1, 1, 2]), (181, [0, 0, 1, 0, 1, 1, 1]),
            ] {
                let retention = Retention(at: .at(days * Self.day))
                while try store.write({ try $0.forget(before: retention, rows: 100) }) > 0 {}
                #expect(try rows(store.path) == left, "after \(days) days")
            }
        }
    }

    @Test func `a call takes no more rows than it was given`() throws {
        try withHistory { (store) throws in
            let retention = Retention(at: .at(365 * Self.day))
            var taken: [Int] = []
            repeat { taken.append(try store.write { try $0.forget(before: retention, rows: 3) }) } while taken.last != 0
            #expect(taken == [3, 3, 3, 1, 0])
        }
    }

    @Test func `what is open is kept for ever`() throws {
        try withStore { (store) throws in
            var slot = makeServing(1)
            slot.hosts.append(makeHost(2, .zombie))
            slot.replicas = [Replica(id: "r-1", type: .manual, status: .ready, createdAt: newYear)]
            slot.commands = [makeCommand(1, to: 1)]
            slot.incidents = [makeIncident(1, of: 1, on: 1)]
            try store.save(slot)
            let gone = try store.write { try $0.forget(before: Retention(at: .at(9999 * Self.day)), rows: 100) }
            #expect(gone == 0)
            #expect(try store.load(1) == slot)
        }
    }

    @Test func `the hosts of a deleted agent are forgotten thirty days later, whatever they were`() throws {
        try withStore { (store) throws in
            var ended = makeServing(1)
            ended.hosts.append(makeHost(2, .terminating))
            ended.deletedAt = .at(Self.day)
            try store.save(ended)
            try store.save(makeServing(3))
            func hosts() throws -> Int { try number(at: store.path, "SELECT count(*) FROM host") }
            _ = try store.write { try $0.forget(before: Retention(at: .at(31 * Self.day)), rows: 100) }
            #expect(try hosts() == 3)
            _ = try store.write { try $0.forget(before: Retention(at: .at(31 * Self.day + 1)), rows: 100) }
            #expect(try hosts() == 1)
        }
    }

    /// A slot with one of each that is over and one that is not; three events, a price and a report.
    private func withHistory(_ body: (TestStore) throws -> Void) throws {
        try withStore { (store) throws in
            var slot = makeServing(1)
            slot.hosts.append(makeHost(2, .terminated))
            slot.replicas = [Replica(id: "r-1", type: .manual, status: .ready, createdAt: newYear)]
            for (id, status): (ReplicaID, ReplicaStatus) in [("r-2", .failed), ("r-3", .terminated)] {
                var replica = Replica(id: id, type: .manual, status: status, createdAt: newYear)
                if status == .terminated { replica.terminatedAt = newYear }
                slot.replicas.append(replica)
            }
            slot.commands = [makeCommand(1, to: 1), makeCommand(2, to: 1)]
            slot.commands[1].state = .expired
            slot.commands[1].finishedAt = newYear
            slot.incidents = [makeIncident(1, of: 1, on: 1), makeIncident(2, of: 1, on: 1)]
            slot.incidents[1].incident.state = .missed
            slot.incidents[1].incident.closedAt = newYear
            try store.save(slot)
            try store.write { store in
                try store.note(reportKey("r-1", "pricing"), of: slotID(1), at: newYear)
                _ = try store.append((1...3).map { Event(kind: .fenced, sentence: "\($0)", at: newYear) })
                var report = PricingReport(
                    stamp: ReportStamp(report: "r-1", instance: instance(1)),
                    instance: PricedInstance(
                        instance: instance(1), instanceType: "m5.large", region: "us-east-1", zone: "us-east-1b",
                        mode: .spot),
                    pools: [], collectedAt: newYear)
                report.onDemandPrice = JSONNumber("0.1")
                try store.insert(report, of: slotID(1), at: newYear)
            }
            try body(store)
        }
    }

    private func rows(_ path: String) throws -> [Int] {
        try [
            "SELECT count(*) FROM event", "SELECT count(*) FROM price", "SELECT count(*) FROM command",
            "SELECT count(*) FROM report", "SELECT count(*) FROM host", "SELECT count(*) FROM replica",
            "SELECT count(*) FROM incident",
        ].map { try number(at: path, $0) }
    }
}
