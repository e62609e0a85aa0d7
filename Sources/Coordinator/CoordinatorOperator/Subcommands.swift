import Platform
import Wire

extension Verb {
    /// How the command line and its help show it.
    var subcommand: Subcommand {
        switch self {
        case .createClient:
            make(
                "Make a client, and show its token.", [Option("email", value: "ADDRESS", "Whom to write to about it.")],
                [Argument("NAME", "What it is called.")],
                [Example("client create Acme --email ops@acme.example", "Make it and show its id and token.")],
                [Self.tokenNote])
        case .listClients: make("List the clients.")
        case .deleteClient:
            make("Delete a client, its agents and their history, at once and for good.", arguments: [Self.client])
        case .clientToken:
            make(
                "Show a client's token, alone on its line.",
                [Option("regenerate", "Make a new one first; the old one ends at once, agents that enrolled stay.")],
                [Self.client],
                [
                    Example("client token client-7", "Show it."),
                    Example(
                        "client token client-7 | install -m 600 /dev/stdin token",
                        "Keep it in a file that only you can read."),
                ], [Self.tokenNote])
        case .agents:
            make(
                "List the agents: workloads, each with the machine that serves it.",
                [
                    Self.ofClient, Option("status", value: "STATUS", "Only those that are \(words(AgentStatus.self))."),
                    .limit,
                ],
                [], [Example("agents --status offline", "Who is not served?")])
        case .agent: make("Show one agent: its machines, and all that is open.", arguments: [Self.agentID])
        case .readiness:
            make(
                "Would the agents survive an interruption now? Of all, or of one, with the reasons.",
                [Self.ofClient, .limit], [Argument("AGENT", "The one to look at, by its id.", count: .atMostOne)],
                [
                    Example("readiness", "Who is in danger?"),
                    Example("readiness AGENT", "What is missing, and what is not as good as it could be?"),
                ])
        case .settings:
            make(
                "Show an agent's settings with their meaning, or change some.",
                arguments: [
                    Self.agentID,
                    Argument(
                        "NAME=VALUE",
                        "Settings to change, all of them or none: "
                            + SlotSetting.allCases.map(\.rawValue).joined(separator: ", ") + ".", count: .any),
                ],
                examples: [
                    Example("settings AGENT", "Show them all."),
                    Example(
                        "settings AGENT risk_threshold=0.25 replica_count=1",
                        "Change two of them."),
                ])
        case .enable: make("Let an agent take part in switching.", arguments: [Self.agentID])
        case .disable:
            make("Only watch an agent; an announced interruption is still acted on.", arguments: [Self.agentID])
        case .instances:
            make(
                "List the machines.",
                [
                    Self.ofClient, Option("role", value: "ROLE", "Only those that are active, \(words(Role.self))."),
                    Option("mode", value: "MODE", "Only those that are \(words(Mode.self))."), .limit,
                ])
        case .commands:
            make(
                "List the commands, newest first, and what became of them.",
                [Self.ofAgent, Option("open", "Only those that are not finished."), .limit])
        case .incidents:
            make(
                "List the incidents, newest first, or tell the story of one.",
                [Self.ofAgent, Option("open", "Only those that are not closed."), .limit],
                [Argument("INCIDENT", "The one to tell, as the list names it.", count: .atMostOne)],
                [
                    Example("incidents --open", "What is going on?"),
                    Example("incidents INCIDENT", "What happened when, and what each step took."),
                ])
        case .promote:
            make(
                "Make another machine of an agent its primary.",
                arguments: [Self.agentID, Argument("MACHINE", "A replica's id, or an instance's.")],
                examples: [Example("promote AGENT i-0fedcba9876543210", "Move the workload there.")])
        case .switch:
            make(
                "Move an agent's workload to a new machine, whatever auto-switch says.",
                [Option("to", value: "POOL", "The pool to launch it in, or ondemand. Required.")], [Self.agentID],
                [
                    Example("switch AGENT --to m5.large.us-east-1c", "To spot capacity of that type and zone."),
                    Example("switch AGENT --to ondemand", "To a machine that is not taken back."),
                ])
        case .events:
            make(
                "Show the last lines of the event log.",
                [
                    Option("follow", "Go on with what comes, until interrupted."),
                    Option(
                        "after", value: "CURSOR", "Begin behind that place, as --json and the end of a run name it."),
                    Self.ofAgent,
                    Option(
                        "limit", value: "NUMBER",
                        "At most so many lines. Left out: the newest 100, or all after CURSOR."),
                ], [],
                [
                    Example("events --follow", "Watch what happens."),
                    Example("events --follow --json", "The same, one JSON object a line, for a program."),
                ],
                [
                    "While the coordinator cannot be reached, --follow says so once and tries again; it neither misses nor "
                        + "repeats a line."
                ])
        }
    }

    private func make(
        _ summary: String, _ options: [Option] = [], _ arguments: [Argument] = [], _ examples: [Example] = [],
        _ notes: [String] = []
    ) -> Subcommand {
        Subcommand(
            rawValue, summary, options: options + Option.common, arguments: arguments, examples: examples,
            notes: notes + Self.commonNotes)
    }

    private func make(_ summary: String, arguments: [Argument], examples: [Example] = []) -> Subcommand {
        make(summary, [], arguments, examples)
    }

    private static let client = Argument("CLIENT", "The client's id, as `client list` shows it.")
    private static let agentID = Argument("AGENT", "The agent's id, as `agents` shows it.")
    private static let ofClient = Option("client", value: "CLIENT", "Only those of this client, named by its id.")
    private static let ofAgent = Option("agent", value: "AGENT", "Only those of this agent, named by its id.")

    private static let tokenNote =
        "The token lets machines enrol as agents of this client. Put it on each of them into a file with mode 0600, and "
        + "name that file in the agent's settings (CLIENT_TOKEN_FILE); never put it on a command line."

    private static let commonNotes = [
        "The administrator's token is taken from --token-file, else from the settings (ADMIN_TOKEN, ADMIN_TOKEN_FILE or "
            + "the service's credential admin-token), else from the file admin-token beside the database: where DATABASE_URL puts it, "
            + "else in $STATE_DIRECTORY, in /var/lib/spot-coordinator or in the working folder.",
        "Ends with 0 when it is done, 1 when the coordinator refuses, 64 when the command line is wrong, 69 when the "
            + "coordinator cannot be reached, 77 when the token is missing or refused, 78 when the settings are wrong.",
    ]
}

extension Option {
    static let server = Option(
        "server", value: "URL", "Where the coordinator is. Left out: where the settings of `serve` put it.")
    static let tokenFile = Option(
        "token-file", value: "PATH", "The file that holds the administrator's token; see below for the usual places.")
    static let caFile = Option(
        "ca-file", value: "PATH", "Trust only the authorities in this file, in PEM, for https.")
    static let allowPlaintext = Option(
        "allow-plaintext", "Send the token to another machine's http:// URL, readable by everybody on the way.")
    static let json = Option("json", "Show the API's own JSON instead of text for people.")
    static let limit = Option("limit", value: "NUMBER", "At most so many lines. Left out: all.")

    fileprivate static let common = [json, server, tokenFile, caFile, allowPlaintext, configFile]
}

/// The words that an option takes, for its sentence and for the complaint about another one.
func words<Word: WireWord>(_ type: Word.Type) -> String {
    let words = type.allCases.map(\.rawValue)
    return words.dropLast().joined(separator: ", ") + " or " + (words.last ?? "")
}
