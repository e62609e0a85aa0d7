import TestSupport

/// The release programs, seen through the tools that read object files.
enum Programs {
    static let names = ["spot-agent", "spot-coordinator"]
    private static let repository = Repository()
    private static func path(of program: String) -> String { "\(repository.root)/.build/release/\(program)" }

    static var wereBuilt: Bool { names.allSatisfy { repository.exists(".build/release/\($0)") } }

    static func neededLibraries(of program: String) throws -> [String] {
        try output("readelf", "--dynamic", "--wide", path(of: program))
            .matches(of: /\(NEEDED\).*\[(?<name>[^\]]+)\]/).map { String($0.output.name) }
    }

    /// All symbol names, one a line.
    static func symbols(of program: String) throws -> String {
        try output("nm", "--format=just-symbols", path(of: program))
    }

    /// The versions of the C library's symbols that the program needs, as GLIBC_2.34 gives (2, 34).
    static func neededSymbolVersions(of program: String) throws -> [(major: Int, minor: Int)] {
        try output("readelf", "--version-info", "--wide", path(of: program))
            .matches(of: /Name: GLIBC_(?<major>\d+)\.(?<minor>\d+)/)
            .compactMap { match in
                guard let major = Int(match.output.major), let minor = Int(match.output.minor) else { return nil }
                return (major, minor)
            }
    }

    private static func output(_ tool: String, _ arguments: String...) throws -> String {
        let outcome = try ChildProcess("/usr/bin/\(tool)", arguments).waitForEnd(within: .seconds(30))
        guard outcome.end == .exited(0) else { throw TestSupportError("\(tool): \(outcome.end): \(outcome.errors)") }
        return outcome.output
    }
}
