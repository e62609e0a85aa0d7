import HTTPServer
import JSON
import Platform
import TestSupport
import Testing
import Wire

/// What each sub-command asks, and how it shows the answer.
struct ShowingTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let typed: String
        /// The request and its body.
        let asks: String
        var sends = ""
        let hears: Response
        let shows: String
        var testDescription: String { typed }
    }

    static let cases: [Case] = [
        Case(
            typed: "client create Acme --email ops@acme.example", asks: "POST /api/admin/clients/create",
            sends: #"{"name":"Acme","email":"ops@acme.example"}"#,
            hears: .reply(CreatedClient(id: "client-7", name: "Acme", token: token("token-5ecret"))),
            shows: """
                client  client-7
                name    Acme
                token   token-5ecret

                """),
        Case(
            typed: "client list", asks: "GET /api/admin/clients",
            hears: .reply([
                with(ClientSummary(id: "client-7", name: "Acmé", isActive: true, createdAt: moment())) {
                    ($0.agentsOnline, $0.agentsTotal, $0.instances) = (3, 12, 8)
                    $0.totalSavings = JSONNumber("1234.50") ?? $0.totalSavings
                    $0.lastSync = moment(58_000)
                },
                ClientSummary(id: "c", name: "Other", isActive: false, createdAt: moment(86_400_000)),
            ]),
            shows: """
                CLIENT    NAME   STATUS    ONLINE  INSTANCES  SAVED $  HEARD  CREATED
                client-7  Acmé   active      3/12          8  1234.50  2s     2026-11-20 13:05:00Z
                c         Other  inactive     0/0          0        0  -      2026-11-21 13:05:00Z

                """),
        Case(
            typed: "client list", asks: "GET /api/admin/clients", hears: .json("[]"),
            shows: "no clients yet: make one with client create NAME\n"),
        Case(
            typed: "client delete client-7", asks: "DELETE /api/admin/clients/client-7", hears: .reply(Nothing()),
            shows: "client client-7 is deleted\n"),
        Case(
            typed: "client token client-7", asks: "GET /api/admin/clients/client-7/token",
            hears: .reply(ClientToken(token: token("token-5ecret"), clientName: "Acme")), shows: "token-5ecret\n"),
        Case(
            typed: "client token client-7 --regenerate", asks: "POST /api/admin/clients/client-7/regenerate-token",
            sends: "{}", hears: .reply(ClientToken(token: token("token-n3w"), clientName: "Acme")),
            shows: "token-n3w\n"),
        Case(
            typed: "agents --client client-7 --status online",
            asks: "GET /api/admin/agents?client_id=client-7&status=online&limit=500",
            hears: .reply(
                AgentList(agents: [
                    with(agent()) { $0.survives = false }, agent("slot-22", named: "batch é", status: .switching),
                ])),
            shows: """
                AGENT    NAME     CLIENT  STATUS     PRIMARY              ZONE        MODE  HEARD  HOSTS  READY  INCIDENTS  SURVIVES
                slot-1   web      Acme    online     i-0a1b2c3d4e5f60718  us-east-1b  spot    12s      2      1          0  no
                slot-22  batch é  Acme    switching  i-0a1b2c3d4e5f60718  us-east-1b  spot    12s      2      1          0  -

                """),
        Case(
            typed: "agents", asks: "GET /api/admin/agents?limit=500", hears: .reply(AgentList(agents: [])),
            shows: "no agents\n"),
        Case(
            typed: "agent slot-1", asks: "GET /api/agents/slot-1",
            hears: .reply(
                AgentDetail(
                    agent: agent(), configuration: Configuration(version: 12), hosts: [machine], replicas: [],
                    commands: [command()], incidents: [with(incident) { $0.timeline = [] }])),
            shows: """
                agent      slot-1
                name       web
                client     Acme (client-7)
                status     online
                primary    i-0a1b2c3d4e5f60718
                place      us-east-1b, spot
                heard      12s ago
                created    2026-11-20 13:05:00Z
                epoch      4
                hand-over  overlap, within 15s
                settings   version 12, see: settings slot-1

                Machines
                INSTANCE             ROLE     SINCE  PRESENCE  HEARD  TYPE      ZONE        MODE  LACKING
                i-0fedcba9876543210  replica     4m  fresh        2s  m5.large  us-east-1c  spot  ready.d/10-sync: exit status 1

                Replicas
                none

                Open commands
                COMMAND  INSTANCE             STATE   CREATED               PRIORITY  ATTEMPT  TYPE    WHAT
                c-41     i-0a1b2c3d4e5f60718  failed  2026-11-20 13:05:00Z        75        2  switch  switch to m5.large.us-east-1c: launch: InsufficientInstanceCapacity

                Incidents
                INCIDENT  INSTANCE             KIND          STATE  FIRST SIGNAL          SUCCESSOR            PROVEN AFTER
                inc-9     i-0a1b2c3d4e5f60718  interruption  met    2026-11-20 13:05:00Z  i-0fedcba9876543210        3.200s

                """),
        Case(
            typed: "readiness --client client-7", asks: "GET /api/readiness?client_id=client-7&limit=500",
            hears: .reply(
                SlotReadinessList(agents: [
                    prospects,
                    SlotReadiness(
                        slot: "slot-22", reasons: [], primary: nil, handOver: .overlap, deadlineSeconds: 15),
                ])),
            shows: """
                AGENT    SURVIVES  PRIMARY              READY  WHY NOT, OR WHAT COULD BE BETTER
                slot-1   no        i-0a1b2c3d4e5f60718      1  it is not heard; nor that\\u{1b}[2J; they may go together
                slot-22  yes       -                        0  -

                """),
        Case(
            typed: "readiness slot-1", asks: "GET /api/agents/slot-1/readiness", hears: .reply(prospects),
            shows: """
                agent      slot-1
                survives   no
                primary    i-0a1b2c3d4e5f60718
                hand-over  exclusive, within 15s

                Replicas
                REPLICA              READY  HEARD  ZONE        LACKING
                i-0fedcba9876543210  yes    yes    us-east-1c  nothing

                Why not
                it is not heard
                nor that\\u{1b}[2J

                What could be better
                they may go together

                """),
        Case(
            typed: "enable slot-1", asks: "POST /api/client/agents/slot-1/toggle-enabled", sends: #"{"enabled":true}"#,
            hears: .reply(EnabledChange(enabled: true)), shows: "agent slot-1 is enabled\n"),
        Case(
            typed: "disable slot-1", asks: "POST /api/client/agents/slot-1/toggle-enabled",
            sends: #"{"enabled":false}"#, hears: .reply(EnabledChange(enabled: false)),
            shows: "agent slot-1 is disabled\n"),
        Case(
            typed: "instances --client client-7 --role active --mode spot",
            asks: "GET /api/admin/instances?client_id=client-7&role=active&mode=spot&limit=500",
            hears: .reply(InstanceList(instances: [machine])),
            shows: """
                INSTANCE             AGENT   NAME  ROLE     SINCE  PRESENCE  HEARD  TYPE      ZONE        MODE  LACKING
                i-0fedcba9876543210  slot-1  web   replica     4m  fresh        2s  m5.large  us-east-1c  spot  ready.d/10-sync: exit status 1

                """),
        Case(
            typed: "commands --agent slot-1 --open",
            asks: "GET /api/admin/commands?agent_id=slot-1&state=open&limit=500",
            hears: .reply(CommandList(commands: [command(message: nil)])),
            shows: """
                COMMAND  AGENT   INSTANCE             STATE   CREATED               PRIORITY  ATTEMPT  TYPE    WHAT
                c-41     slot-1  i-0a1b2c3d4e5f60718  failed  2026-11-20 13:05:00Z        75        2  switch  switch to m5.large.us-east-1c

                """),
        Case(
            typed: "incidents --open --agent slot-1", asks: "GET /api/incidents?agent_id=slot-1&state=open&limit=500",
            hears: .reply(
                IncidentList(incidents: [
                    Incident(
                        id: "inc-10", slot: "slot-1", instance: host, kind: .silence, state: .open,
                        detectedAt: moment(), epoch: 4)
                ])),
            shows: """
                INCIDENT  AGENT   INSTANCE             KIND     STATE  FIRST SIGNAL          SUCCESSOR  PROVEN AFTER
                inc-10    slot-1  i-0a1b2c3d4e5f60718  silence  open   2026-11-20 13:05:00Z  -                     -

                """),
        Case(
            typed: "incidents inc-9", asks: "GET /api/incidents/inc-9", hears: .reply(incident),
            shows: """
                incident      inc-9
                agent         slot-1
                instance      i-0a1b2c3d4e5f60718
                kind          interruption
                first signal  2026-11-20T13:05:00Z
                deadline      2026-11-20T13:05:15Z (+15.000)
                machine goes  2026-11-20T13:07:00Z (+120.000)
                successor     i-0fedcba9876543210, epoch 4
                proven        2026-11-20T13:05:03.200Z (+3.200)
                closed        2026-11-20T13:05:03.201Z (+3.201)

                 AFTER  HOST                  TOOK  GIVEN  WHAT
                +0.000  i-0a1b2c3d4e5f60718      -      -  rebalance recommended\\u{1b}[2J
                +0.052  coordinator              -      -  promotion of r-5 committed, epoch 4
                +0.060  i-0fedcba9876543210  0.812  5.000  activate: done

                verdict: met, the successor was proven to serve 3.200 s after the first signal

                """),
        Case(
            typed: "promote slot-1 i-0fedcba9876543210",
            asks: "POST /api/admin/agents/slot-1/instances/i-0fedcba9876543210/promote", sends: "{}",
            hears: .reply(QueuedCommand(command: "c-41", message: "promotion queued")),
            shows: "command c-41 is queued: promotion queued\n"),
        Case(
            typed: "promote slot-1 r-5", asks: "POST /api/agents/slot-1/replicas/r-5/promote", sends: "{}",
            hears: .reply(QueuedCommand(command: "c-41")), shows: "command c-41 is queued\n"),
        Case(
            typed: "switch slot-1 --to m5.large.us-east-1c", asks: "POST /api/admin/agents/slot-1/switch",
            sends: #"{"target":"pool","pool_id":"m5.large.us-east-1c"}"#, hears: .reply(QueuedCommand(command: "c-41")),
            shows: "command c-41 is queued\n"),
        Case(
            typed: "switch slot-1 --to ondemand", asks: "POST /api/admin/agents/slot-1/switch",
            sends: #"{"target":"ondemand"}"#, hears: .reply(QueuedCommand(command: "c-41")),
            shows: "command c-41 is queued\n"),
    ]

    @Test(arguments: cases)
    func `a sub-command asks one thing and shows the answer to people`(_ example: Case) throws {
        let (said, asked) = try enter(example.typed, hearing: [example.asks: example.hears])
        #expect(said.output == example.shows)
        #expect(said.errors == "")
        #expect(said.status == .success)
        #expect(asked.map(\.line) == [example.asks])
        #expect(asked.map(\.body) == [example.sends])
        #expect(asked.map(\.authorization) == ["Bearer \(adminToken)"])
        #expect(asked.map(\.speaksProtocol) == ["1"])
    }

    @Test(arguments: cases)
    func `with --json it shows the answer as it came`(_ example: Case) throws {
        let (said, _) = try enter(example.typed + " --json", hearing: [example.asks: example.hears])
        #expect(said.output == String(decoding: example.hears.body, as: UTF8.self) + "\n")
        #expect(said.status == .success)
    }

    @Test func `every sub-command has an example of what it shows`() {
        let shown = Self.cases.map(\.typed) + ["settings", "events"]
        for subcommand in program.subcommands {
            #expect(shown.contains { $0.hasPrefix(subcommand.name) }, "\(subcommand.name)")
        }
    }

    @Test func `a long name is cut by whole characters, an id never is`() throws {
        let name = String(repeating: "e\u{301}", count: 60)
        let id = String(repeating: "s", count: 64)
        let list = AgentList(agents: [agent(try SlotID(id), named: try LogicalAgentID(name))])
        let (said, _) = try enter("agents", hearing: ["GET /api/admin/agents?limit=500": .reply(list)])
        #expect(said.output.contains("\(id)  " + String(repeating: "e\u{301}", count: 39) + "…  Acme"))
    }
}

struct AgentSettingsTests {
    private static let detail = AgentDetail(
        agent: agent(), configuration: Configuration(version: 12), hosts: [], replicas: [], commands: [], incidents: [])

    @Test func `the settings of an agent are shown with their meaning`() throws {
        let (said, _) = try enter("settings slot-1", hearing: ["GET /api/agents/slot-1": .reply(Self.detail)])
        let lines = said.output.split(separator: "\n").map(String.init)
        #expect(lines.count == SlotSetting.allCases.count + 2)
        #expect(lines.first == "SETTING                    VALUE    MEANING")
        #expect(lines.contains("risk_threshold             0.30     leave a pool above this risk"))
        #expect(lines.last == "version 12")
    }

    @Test func `with --json only the configuration is shown`() throws {
        let (said, _) = try enter("settings slot-1 --json", hearing: ["GET /api/agents/slot-1": .reply(Self.detail)])
        #expect(said.output == String(decoding: encodeJSON(Self.detail.configuration), as: UTF8.self) + "\n")
    }

    @Test func `words become the values that their settings hold`() throws {
        let (said, asked) = try enter(
            "settings slot-1 enabled=false replica_count=2 risk_threshold=0.250 hand_over=exclusive",
            hearing: [
                "POST /api/client/agents/slot-1/settings": .reply(
                    Configuration(version: 13, settings: with(SlotSettings()) { $0.replicaCount = 2 }))
            ])
        #expect(
            asked.map(\.body)
                == [#"{"enabled":false,"replica_count":2,"risk_threshold":0.250,"hand_over":"exclusive"}"#])
        #expect(said.output.contains("replica_count              2        how many replicas to keep\n"))
        #expect(said.output.hasSuffix("version 13\n"))
    }

    @Test(arguments: [
        ("replica_count", #""replica_count": expected a setting's NAME=VALUE"#),
        ("replica_cout=1", #""replica_cout" is no setting, perhaps replica_count is meant"#),
        ("replica_count=5", "replica_count: expected a whole number from 0 to 4"),
        ("replica_count=two", "replica_count: expected a whole number"),
        ("enabled=maybe", "enabled: expected a boolean"),
        ("enabled=", "enabled: expected a boolean"),
        ("hand_over=never", "hand_over: expected one of overlap, exclusive"),
        ("enabled=true enabled=false", "enabled: duplicate key"),
    ])
    func `a change that no setting holds is refused before anything is asked`(words: String, why: String) throws {
        let (said, asked) = try enter("settings slot-1 " + words, hearing: [:])
        #expect(said.errors == "spot-coordinator: \(why)\n")
        #expect(said.status == .usage)
        #expect(asked.isEmpty)
    }
}
