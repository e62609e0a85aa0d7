import Testing

/// The programs in the field speak in several ways. Whoever is behind the edge knows none of them.
struct DialectTests {
    private static let edge = "Sources/Coordinator/CoordinatorAPI/Legacy/"

    /// Paths, keys and words that only they have, and what the programs are called.
    private static let words = [
        "pending-commands", "commands/pending", "mark-command-executed", "action-result", "instance-launched",
        "instance-terminated", "create-emergency-replica", "switch-recommendation", "issue-switch-command",
        "LAUNCH_INSTANCE",
        "TERMINATE_INSTANCE", "cloud_instance_id", "notice_type", "pricing_data_array", "inventory_snapshot",
        "client_token",
        "cloud_account", "create_emergency_replica", "current_pool_id", "runbook",
    ]

    @Test func `nothing outside of the edge knows a word of theirs`() throws {
        let repository = Repository()
        let files = try repository.files(below: "Sources", suffix: ".swift").filter { !$0.hasPrefix(Self.edge) }
        #expect(files.count > 100)
        for file in files {
            for line in try repository.code(of: file) {
                for word in Self.words where line.contains(word) { Issue.record("\(file): \(line)") }
            }
        }
    }

    /// Or the test above looks for words that nobody uses.
    @Test func `the edge knows them`() throws {
        let repository = Repository()
        let text = try repository.files(below: String(Self.edge.dropLast()), suffix: ".swift").map {
            try repository.text(of: $0)
        }
        .joined()
        for word in Self.words where word != "runbook" { #expect(text.contains(word), "\(word)") }
    }

    @Test func `no number of a version is looked at, anywhere`() throws {
        let repository = Repository()
        for file in try repository.files(below: "Sources/Coordinator", suffix: ".swift") {
            for line in try repository.code(of: file) {
                #expect(line.firstMatch(of: /"[345]\.[0-9]\.[0-9]/) == nil, "\(file): \(line)")
            }
        }
    }
}
