import HTTPServer
import JSON
import Platform
import Testing
import Wire

struct PagingTests {
    private static let pages: [String: Response] = [
        "GET /api/admin/agents?limit=500": .json(
            #"{"agents":[\#(text(agent("slot-1")))],"total":1,"hint":"kept","next":"a+1"}"#),
        "GET /api/admin/agents?after=a%2B1&limit=500": .json(
            #"{"agents":[\#(text(agent("slot-2")))],"total":1,"next":"a+2"}"#),
        "GET /api/admin/agents?after=a%2B2&limit=500": .json(#"{"agents":[\#(text(agent("slot-3")))],"total":1}"#),
    ]

    private static func text(_ message: some JSONWritable) -> String {
        String(decoding: encodeJSON(message), as: UTF8.self)
    }

    @Test func `a list is followed to its end`() throws {
        let (said, asked) = try enter("agents", hearing: Self.pages)
        #expect(Set(asked.map(\.line)) == Set(Self.pages.keys))
        let ids = said.output.split(separator: "\n").map { $0.prefix { $0 != " " } }
        #expect(ids == ["AGENT", "slot-1", "slot-2", "slot-3"])
    }

    @Test func `its pages are one document in JSON`() throws {
        let (said, _) = try enter("agents --json", hearing: Self.pages)
        let entries = ["slot-1", "slot-2", "slot-3"].map { Self.text(agent($0)) }.joined(separator: ",")
        #expect(said.output == #"{"agents":[\#(entries)],"total":3,"hint":"kept"}"# + "\n")
    }

    @Test func `a limit ends it, and the cursor for the rest is kept`() throws {
        let two = AgentList(agents: [agent("slot-1"), agent("slot-2")], next: "a2")
        let one = AgentList(agents: [agent("slot-3")], next: "a3")
        let (said, asked) = try enter(
            "agents --limit 3 --json",
            hearing: [
                "GET /api/admin/agents?limit=3": .reply(two), "GET /api/admin/agents?after=a2&limit=1": .reply(one),
            ])
        #expect(asked.count == 2)
        #expect(said.output.hasSuffix(#""total":3,"next":"a3"}"# + "\n"))
    }

    @Test func `an empty page ends a list whatever it says`() throws {
        let (said, asked) = try enter(
            "agents", hearing: ["GET /api/admin/agents?limit=500": .reply(AgentList(agents: [], next: "a2"))])
        #expect(asked.count == 1)
        #expect(said.output == "no agents\n")
    }

    @Test func `the log is read from its cursor to its end, which is told`() throws {
        let (said, asked) = try enter(
            "events --after e1-1 --agent slot-1",
            hearing: [
                "GET /api/admin/events?agent_id=slot-1&after=e1-1&limit=500": .reply(
                    LogLines(events: [event(2), event(3)], next: "e1-3")),
                "GET /api/admin/events?agent_id=slot-1&after=e1-3&limit=500": .reply(
                    LogLines(events: [], next: "e1-9")),
            ])
        #expect(asked.count == 2)
        let rest = "critical  termination_notice  slot-1  i-0a1b2c3d4e5f60718  notice: terminate\n"
        #expect(said.output == "2026-11-20 13:05:02Z  \(rest)2026-11-20 13:05:03Z  \(rest)")
        #expect(said.errors == "spot-coordinator: go on with --after e1-3\n")
    }

    @Test(arguments: ["0", "-1", "many", ""])
    func `a limit is a number from 1`(text: String) throws {
        let said = try enter(["agents", "--limit", text], at: local(port: 1))
        #expect(said.errors == "spot-coordinator: --limit \(quoted(text)): expected a whole number from 1\n")
        #expect(said.status == .usage)
    }
}
