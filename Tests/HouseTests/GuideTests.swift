import Testing

/// The operator's guide, held to what the programs log.
struct GuideTests {
    private let repository = Repository()

    /// The first words of each entry that is a warning or worse and has an id, as they stand in the journal.
    private func alarms() throws -> Set<String> {
        let said = /(?:error|warning)\(\s*"(?<message>[^"\\]+)",\s*id:/
        let files = try ["Sources/Agent/AgentMain", "Sources/Coordinator/CoordinatorMain"]
            .flatMap { try repository.files(below: $0, suffix: ".swift") }
        let logged = try files.flatMap { file in
            try repository.code(of: file).joined(separator: "\n").matches(of: said).map { String($0.output.message) }
        }
        return Set(logged).union(try events())
    }

    /// Those of the event log have their level in one module and their words in another.
    private func events() throws -> [String] {
        let levels = try repository.text(of: "Sources/Coordinator/CoordinatorCore/Event.swift")
            .firstMatch(of: /package var severity: Severity \{\s+switch self \{(?<cases>[^}]+)default: \.info/)
        let kinds = try #require(levels).output.cases.matches(of: /\.(?<kind>[a-z]\w+)/).map { $0.output.kind }
        let words = Dictionary(
            uniqueKeysWithValues: try repository.text(of: "Sources/Coordinator/CoordinatorMain/Journal.swift")
                .matches(of: /case \.(?<kind>\w+): "(?<message>[^"]+)"/)
                .map { ($0.output.kind, String($0.output.message)) })
        return kinds.compactMap { words[$0] }
    }

    @Test func `the guide says of each alarm what to do, and of no other`() throws {
        let alarms = try alarms()
        let guide = try repository.text(of: "Packaging/Operating.md")
        let section = try #require(guide.firstRange(of: "## Each alarm\n"))
        let rows = guide[section.upperBound...].matches(of: /(?m)^\| `(?<message>[^`]+)` \| [^|]+ \|$/)
            .map { String($0.output.message) }
        #expect(alarms.subtracting(rows) == [], "not in the guide")
        #expect(Set(rows).subtracting(alarms) == [], "no program logs it")
        #expect(rows.count == Set(rows).count, "twice")
        #expect(alarms.count > 50)
    }

    @Test func `a number that the guide gives an alarm on is one that the coordinator has`() throws {
        let named = Set(
            try repository.text(of: "Packaging/Operating.md").matches(of: /`(spot_[a-z_]+)/).map { $0.output.1 })
        let page = try repository.text(of: "Sources/Coordinator/CoordinatorAPI/Metrics.swift")
        #expect(named.count > 4)
        for name in named { #expect(page.contains("\"\(name)\""), "\(name)") }
    }
}
