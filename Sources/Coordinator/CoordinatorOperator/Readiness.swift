import Platform
import Wire

extension Desk {
    /// Would they survive an interruption now?
    func readiness() throws {
        guard invocation.arguments.isEmpty else {
            guard invocation.options["client"] == nil, try limit() == nil else {
                throw OperatorError(.usage, "--client and --limit go with the list, not with one agent")
            }
            let slot: SlotID = try argument(0)
            return try show(Question(.readiness, slot), as: SlotReadiness.self, prospects)
        }
        try list(
            SlotReadinessList.self, .fleetReadiness, try filter("client", .client, ClientKind.self), none: "no agents",
            [
                Column("AGENT") { $0.slot.text },
                Column("SURVIVES") { yesOrNo($0.survives) },
                Column("PRIMARY") { $0.primary?.text },
                Column("READY", isNumber: true) { "\($0.replicas.count(where: \.isReady))" },
                Column("WHY NOT, OR WHAT COULD BE BETTER") { agent in
                    let notes = agent.reasons + agent.warnings
                    return notes.isEmpty ? nil : notes.joined(separator: "; ")
                },
            ])
    }

    private func prospects(of agent: SlotReadiness) -> String {
        let facts = sheet([
            ("agent", agent.slot.text),
            ("survives", yesOrNo(agent.survives)),
            ("primary", agent.primary?.text),
            ("hand-over", "\(agent.handOver.rawValue), within \(agent.deadlineSeconds)s"),
        ])
        let replicas = table(
            agent.replicas,
            [
                Column("REPLICA") { $0.instance.text },
                Column("READY") { yesOrNo($0.isReady) },
                Column("HEARD") { yesOrNo($0.isFresh) },
                Column("ZONE") { $0.zone?.text },
                Column("LACKING") { $0.lacking.map { $0.isEmpty ? "nothing" : $0.joined(separator: "; ") } },
            ], none: "none")
        return facts + section("Replicas", replicas) + notes("Why not", agent.reasons)
            + notes("What could be better", agent.warnings)
    }

    private func notes(_ heading: String, _ sentences: [String]) -> String {
        sentences.isEmpty ? "" : section(heading, sentences.map { printable($0) + "\n" }.joined())
    }
}

func yesOrNo(_ fact: Bool) -> String { fact ? "yes" : "no" }
