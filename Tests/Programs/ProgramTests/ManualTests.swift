import TestSupport
import Testing

/// What is written about the programs by hand, held to what they say of themselves.
struct ManualTests {
    private static let folder = Packages.root + "/Packaging/packages"

    private func help(_ program: String, _ words: [Substring] = []) throws -> String {
        let outcome = try ChildProcess(builtProgram(program), words.map(String.init) + ["--help"]).waitForEnd()
        #expect(outcome.status == 0)
        return outcome.output
    }

    @Test(arguments: Packages.names)
    func `the manual has every sub-command, option and setting, and no other`(name: String) throws {
        let page = try Packages.output("/bin/cat", "\(Self.folder)/\(name).8")
        let whole = try help(name)
        let subcommands = Set(
            whole.matches(of: /(?m)^  (?<name>[a-z][a-z-]*(?: [a-z]+)?)  +[A-Z]/).map { String($0.output.name) })
        let all = try subcommands.reduce(whole) { try $0 + help(name, $1.split(separator: " ")) }
        let options = Set(all.matches(of: /(?m)^  --(?<name>[a-z-]+)/).map { String($0.output.name) })
        let settings = Set(all.matches(of: /(?m)^  (?<name>[A-Z][A-Z0-9_]+)=\S+$/).map { String($0.output.name) })
        #expect(options.count > 5 && settings.count > 10 && subcommands.count > 5)

        let flags = Set(page.matches(of: /Fl -(?<name>[a-z-]+)/).map { String($0.output.name) })
        #expect(flags.subtracting(["log-level"]) == options)
        let named = page.split(separator: "\n").filter { $0.hasPrefix(".It Ev ") }
            .flatMap { $0.dropFirst(7).split(separator: " ").filter { $0 != "," }.map(String.init) }
        #expect(named.count == Set(named).count && Set(named) == settings)
        let commands = page.matches(of: /(?m)^\.It Cm (?<name>[a-z-]+( (create|list|delete|token))?)/)
            .map { String($0.output.name) }
        #expect(Set(commands) == subcommands)
    }

    @Test(arguments: Packages.names)
    func `man has nothing to say against the manual`(name: String) throws {
        let outcome = try ChildProcess(
            "/usr/bin/groff", ["-mandoc", "-ww", "-Tutf8", "-z", "\(Self.folder)/\(name).8"],
            environment: ["PATH": "/usr/bin:/bin"]
        ).waitForEnd()
        #expect(outcome.status == 0 && outcome.errors == "")
    }

    @Test func `the settings that the packages show as examples are ones that the programs take`() throws {
        let needs = [
            "agent": ["SPOT_OPTIMIZER_CLIENT_TOKEN": "token-0123456789abcdef"],
            "coordinator": ["ALLOW_PLAINTEXT": "true"],
        ]
        for (name, more) in needs {
            let example = try Packages.output("/bin/cat", "\(Self.folder)/\(name).env")
            // A certificate's file would have to be there.
            let settings = example.matches(of: /(?m)^#(?<name>[A-Z_]+)=(?<value>.+)$/)
                .map { (String($0.output.name), String($0.output.value)) }.filter { !$0.0.hasPrefix("TLS_") }
            #expect(settings.count >= 4)
            let environment = Dictionary(uniqueKeysWithValues: settings).merging(more) { $1 }
            let outcome = try ChildProcess(
                builtProgram("spot-\(name)"), ["check-config", "--config", "\(Self.folder)/\(name).env"],
                environment: environment
            ).waitForEnd()
            #expect(outcome.status == 0, "\(outcome.errors)")
        }
    }
}
