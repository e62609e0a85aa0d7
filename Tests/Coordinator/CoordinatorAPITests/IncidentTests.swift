import HTTPServer
import JSON
import TestSupport
import Testing
import Wire

/// What became of interruptions, as those read it who may.
struct IncidentTests {
    @Test func `a host reads the incidents of its own agent, and no others`() throws {
        try withCoordinator { site in
            let mine = try site.register(try site.makeClient())
            let theirs = try site.register(try site.makeClient())
            let sibling = try site.register(mine.client)
            let (own, other) = (try site.interrupt(mine).incident, try site.interrupt(theirs).incident)
            let list = Ask(.incidents, query: "?agent_id=\(mine.slot)", token: mine.token)
            #expect(try site.ask(list).read(IncidentList.self).incidents.map(\.id) == [own])
            #expect(try site.ask(Ask(.incident, [own.text], token: mine.token)).read(Incident.self).id == own)
            for query in ["", "?agent_id=all", "?agent_id=\(theirs.slot)", "?agent_id=\(sibling.slot)", "?state=open"] {
                let answer = try site.ask(Ask(.incidents, query: query, token: mine.token))
                try expectRefusal(answer, 403, "FORBIDDEN", said: "name it")
            }
            // Another's says no more than one that never was.
            let answers = try [other.text, "01890000-0000-7000-8000-000000000000"].map { name in
                let answer = try site.ask(Ask(.incident, [name], token: mine.token))
                try expectRefusal(answer, 403, "FORBIDDEN")
                return answer.text.replacing(name, with: "NAME").replacing(/"request_id":"[^"]*"/, with: "")
            }
            #expect(answers[0] == answers[1])
            #expect(try site.ask(Ask(.incident, [own.text], token: sibling.token)).status == 403)
            #expect(try site.ask(Ask(.incident, [own.text], token: mine.client.token)).status == 403)
        }
    }

    @Test func `whoever asks for text gets the story, by the query or by the header`() throws {
        try withCoordinator { site in
            let host = try site.register(try site.makeClient())
            let id = try site.interrupt(host).incident.text
            let ask = { (query: String) in Ask(.incident, [id], query: query, token: Site.adminToken) }
            let incident = try site.ask(ask("?format=json").with("Accept", "text/plain")).read(Incident.self)
            for text in [ask("?format=text"), ask("").with("Accept", "text/plain, */*;q=0.1")] {
                let answer = try site.ask(text)
                #expect(answer.status == 200)
                #expect(answer["content-type"]?.hasPrefix("text/plain") == true)
                #expect(answer.text == incident.story { $0 })
                #expect(answer.text.hasSuffix("\nverdict: open\n"))
            }
            #expect(try site.ask(ask("").with("Accept", "*/*")).read(Incident.self) == incident)
            try expectRefusal(try site.ask(ask("?format=xml")), 400, "VALIDATION_ERROR", said: "format")
        }
    }

    @Test func `a drill is refused without a replica, and counted apart with one`() throws {
        try withCoordinator { site in
            let primary = try site.register(try site.makeClient())
            var notice = Notice(instance: primary.instance, signal: .shutdown, detectedAt: site.surroundings.wall())
            notice.drill = true
            let refused = try site.ask(primary.ask(.terminationImminent, [], notice))
            try expectRefusal(refused, 409, "CONFLICT", said: "it has no replica")
            let replica = try site.register(primary.client, as: primary.name)
            var ready = replica.heartbeat
            ready.lacking = []
            _ = try site.ask(replica.ask(.heartbeat, [], ready))
            let reply = try site.ask(primary.ask(.terminationImminent, [], notice)).read(NoticeReply.self)
            #expect(reply.successor == replica.instance)
            // Counted by whoever is told of each event, a moment after its answer.
            try eventually("the notice is counted") {
                try site.ask(Ask(.metrics)).text.contains("spot_drill_events_total{kind=\"termination_notice\"} 1")
            }
            let metrics = try site.ask(Ask(.metrics)).text
            for line in [
                "spot_incidents_open 0", "spot_drills_open 1", "spot_drill_events_total{kind=\"termination_notice\"} 1",
                // What grows is seen to grow only from a number.
                "spot_events_total{kind=\"termination_notice\"} 0", "spot_events_total{kind=\"no_successor\"} 0",
            ] { #expect(metrics.contains("\n\(line)\n"), "\(line)") }
            let lines = try site.ask(Ask(.events, query: "?agent_id=\(primary.slot)", token: Site.adminToken))
                .read(LogLines.self).events.filter { $0.incident == reply.incident }
            #expect(!lines.isEmpty)
            #expect(lines.allSatisfy { $0.drill && $0.message.hasPrefix("drill: ") && $0.severity != .critical })
            let list = try site.ask(Ask(.incidents, query: "?agent_id=\(primary.slot)", token: primary.token))
            #expect(try list.read(IncidentList.self).incidents.map(\.drill) == [true])
        }
    }
}
