import Testing

/// Plain facts about the text of the sources.
struct SourceTests {
    private let repository = Repository()

    @Test func `the top level holds what it should and nothing else`() throws {
        let allowed: Set = [
            "LICENSE", "Package.swift", "Packaging", "README.md", "Sources", "Systemd", "Tests",
        ]
        #expect(try Set(repository.names(in: "")).subtracting(allowed) == [])
    }

    @Test(arguments: ["Foundation", "FoundationEssentials", "Dispatch"])
    func `neither program imports it`(module: String) throws {
        for file in try repository.files(below: "Sources", suffix: ".swift") {
            for line in try repository.code(of: file) where line.contains("import") {
                #expect(!line.containsWord(module), "\(file): \(line)")
            }
        }
    }

    @Test(arguments: ["async", "await", "Task", "actor", "public"])
    func `the word is in no source`(word: String) throws {
        for file in try repository.files(below: "Sources", suffix: ".swift") {
            for line in try repository.code(of: file) where line.contains(word) {
                let code =
                    line.replacing(/"(?:[^"\\]|\\.)*"/, with: "").split(separator: "//", maxSplits: 1).first ?? ""
                #expect(!code.containsWord(word), "\(file): \(line)")
            }
        }
    }

    @Test(arguments: [
        "clock_gettime", "gettimeofday", "getrandom", "usleep", "nanosleep", "SystemRandomNumberGenerator",
        "ContinuousClock",
    ])
    func `time and chance come from Platform alone`(call: String) throws {
        for file in try repository.files(below: "Sources", suffix: ".swift") where !file.contains("/Platform/") {
            for line in try repository.code(of: file) { #expect(!line.containsWord(call), "\(file): \(line)") }
        }
    }

    @Test func `pointers stay behind the doors to C`() throws {
        let outside = try repository.files(below: "Sources", suffix: ".swift").filter {
            !$0.hasPrefix("Sources/System/")
        }
        #expect(!outside.isEmpty)
        for file in outside {
            for line in try repository.code(of: file) { #expect(!line.containsWord("unsafe"), "\(file): \(line)") }
        }
    }

    @Test func `every relative link in the documentation leads somewhere`() throws {
        var links = 0
        for page in try ["Packaging/Operating.md", "README.md"] + repository.files(below: "Sources", suffix: ".md") {
            let folder = page.split(separator: "/").dropLast().joined(separator: "/")
            for match in try repository.text(of: page).matches(of: /\]\((?<target>[^)#:]+)(#[^)]*)?\)/) {
                links += 1
                let path = folder.isEmpty ? "\(match.output.target)" : "\(folder)/\(match.output.target)"
                #expect(repository.exists(path), "\(page): \(match.output.target)")
            }
        }
        #expect(links > 0)
    }

    /// `set -e` goes on after `! this`, and after `[ this ] && [ that ]` when it is this that does not hold.
    @Test func `each line of a test's script can fail it`() throws {
        for file in try repository.files(below: "Tests", suffix: ".swift") {
            for line in try repository.text(of: file).split(separator: "\n") {
                let command = line.drop { $0 == " " }
                let isLost =
                    command.hasPrefix("! ") || command.hasPrefix("[") && command.contains(#/^\[.* \]\]? && /#)
                #expect(!isLost, "\(file): \(line)")
            }
        }
    }
}
