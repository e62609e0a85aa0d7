import TestSupport
import Testing

/// What `journalctl -x` shows of each entry, held to what the programs log.
struct CatalogueTests {
    private let repository = Repository()

    @Test(arguments: Catalogue.all)
    func `each message that a program can log has one entry, and there is no other`(catalogue: Catalogue) throws {
        let logged = try matches(of: /MessageID\(\s*"(?<first>[^"]*)"/, below: catalogue.sources)
        let explained = try catalogue.entries(in: repository).map(\.id)
        #expect(Set(logged).subtracting(explained) == [], "not explained")
        #expect(Set(explained).subtracting(logged) == [], "never logged")
        #expect(explained.sorted() == logged.sorted(), "each once")
        #expect(!logged.isEmpty)
    }

    @Test func `no message is declared where no catalogue looks`() throws {
        let all = try matches(of: /MessageID\(\s*"(?<first>[^"]*)"/, below: "Sources")
        let ours = try Catalogue.all.flatMap {
            try matches(of: /MessageID\(\s*"(?<first>[^"]*)"/, below: $0.sources)
        }
        #expect(all.sorted() == ours.sorted())
        #expect(Set(all).count == all.count, "two messages with one id")
    }

    @Test(arguments: Catalogue.all)
    func `every field that is put into a text is one that the program logs`(catalogue: Catalogue) throws {
        let known = Set(
            try matches(of: /(?:field|milliseconds)\(\s*"(?<first>SPOT_\w+)"/, below: catalogue.sources))
        for entry in try catalogue.entries(in: repository) {
            for line in [entry.subject] + entry.body {
                // Between two marks stands a field's name, and outside of them nothing has such a mark.
                let parts = line.split(separator: "@", omittingEmptySubsequences: false)
                #expect(parts.count % 2 == 1, "\(entry.id): \(line)")
                for name in parts.indices.filter({ $0 % 2 == 1 }).map({ String(parts[$0]) }) {
                    #expect(known.contains(name), "\(entry.id): \(line)")
                }
            }
        }
    }

    @Test(arguments: Catalogue.all)
    func `an entry says what it is and who logs it, in lines that fit beside journalctl's mark`(
        catalogue: Catalogue
    ) throws {
        for entry in try catalogue.entries(in: repository) {
            #expect(!entry.subject.isEmpty, "\(entry.id)")
            #expect(entry.definedBy == catalogue.program, "\(entry.id)")
            #expect((1...6).contains(entry.body.count), "\(entry.id)")
        }
        // 80 columns, of which it takes three.
        for line in try repository.text(of: catalogue.path).split(separator: "\n") {
            #expect(line.count <= 77, "\(line)")
        }
    }

    @Test func `journalctl reads both catalogues whole and has nothing to say against them`() throws {
        let expected = try Catalogue.all.flatMap { catalogue in
            try catalogue.entries(in: repository).map { "\($0.id) \(catalogue.program): \($0.subject)" }
        }
        try withTemporaryFolder { folder in
            let files = Catalogue.all.map { "\(repository.root)/\($0.path)" }
            let place = "\(folder)/usr/lib/systemd/catalog"
            try expect(said: "", by: "/usr/bin/install", ["-D", "-m", "644", "-t", place] + files)
            try expect(said: "", by: "/usr/bin/journalctl", ["--root=\(folder)", "--update-catalog"])
            let list = expected.sorted().map { "\($0)\n" }.joined()
            try expect(said: list, by: "/usr/bin/journalctl", ["--root=\(folder)", "--list-catalog"])
        }
    }

    private func expect(said output: String, by program: String, _ arguments: [String]) throws {
        let outcome = try ChildProcess(program, arguments).waitForEnd()
        #expect(outcome.end == .exited(0))
        #expect(outcome.errors == "")
        #expect(outcome.output == output)
    }

    private func matches(of pattern: Regex<(Substring, first: Substring)>, below folder: String) throws -> [String] {
        try repository.files(below: folder, suffix: ".swift").flatMap { file in
            try repository.code(of: file).joined(separator: "\n").matches(of: pattern).map { String($0.output.first) }
        }
    }
}

/// The catalogue of one program, as it is in the repository.
struct Catalogue: Sendable, CustomTestStringConvertible {
    struct Entry {
        let id: String
        var subject = ""
        var definedBy = ""
        var body: [String] = []
    }

    let program: String
    /// Where its messages are declared.
    let sources: String

    static let all = [
        Catalogue(program: "spot-agent", sources: "Sources/Agent"),
        Catalogue(program: "spot-coordinator", sources: "Sources/Coordinator"),
    ]

    var path: String { "Systemd/\(program).catalog" }
    var testDescription: String { path }

    /// As https://systemd.io/CATALOG has it: `-- ` and the id, headers, an empty line, the text.
    func entries(in repository: Repository) throws -> [Entry] {
        var entries: [Entry] = []
        var isInBody = false
        for line in try repository.text(of: path).split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("-- ") {
                entries.append(Entry(id: String(line.dropFirst(3))))
                isInBody = false
            } else if entries.isEmpty || line.hasPrefix("#") {
                continue
            } else if line.isEmpty {
                isInBody = true
            } else if isInBody {
                entries[entries.count - 1].body.append(String(line))
            } else if line.hasPrefix("Subject: ") {
                entries[entries.count - 1].subject = String(line.dropFirst("Subject: ".count))
            } else if line.hasPrefix("Defined-By: ") {
                entries[entries.count - 1].definedBy = String(line.dropFirst("Defined-By: ".count))
            } else {
                throw TestSupportError("\(path): a header that nothing here has: \(line)")
            }
        }
        return entries
    }
}
