import Platform
import TestSupport
import Testing

private enum HandOver: String, CaseIterable, Sendable { case overlap, exclusive }

private let url = Setting.url(
    "COORDINATOR_URL", aliases: ["SERVER_URL"], default: "http://localhost:5000", "Where to report.")
private let port = Setting.integer("PORT", 1...65_535, default: 8080, "The port to listen on.")
private let interval = Setting.seconds("HEARTBEAT_INTERVAL", 1...3600, default: "3", "How often to report.")
private let enabled = Setting.boolean("REPLICA_ENABLED", default: false, "Keep a replica.")
private let zones = Setting.list("ZONES", default: "", "Where to look.")
private let state = Setting.path("STATE_FOLDER", default: "/var/lib/x", "Where to remember.")
private let mode = Setting<HandOver>.choice("HAND_OVER", default: .overlap, "How to hand over.")
private let region = Setting.text("AWS_REGION", "The region.").optional
private let token = Setting<Secret>.secret("CLIENT_TOKEN", "The token.").optional

private let schema = SettingsSchema(
    [
        url.listed, port.listed, interval.listed, enabled.listed, zones.listed, state.listed, mode.listed,
        region.listed,
        token.listed,
    ],
    retired: [.beginning("DB_"), .exactly("FLASK_ENV")])

private func file(_ text: String, path: String = "/etc/x/agent.env") -> ConfigurationFile {
    ConfigurationFile(path: path, bytes: Array(text.utf8))
}

private func read(
    _ text: String = "", environment: [String: String] = [:], flags: [String: String] = [:]
) -> SettingsOutcome {
    schema.read(SettingsSources(files: [file(text)], environment: environment, flags: flags))
}

struct SettingsTests {
    @Test func `with nothing given every default applies`() throws {
        let settings = try #require(read().settings)
        #expect(settings[url] == "http://localhost:5000")
        #expect(settings[port] == 8080)
        #expect(settings[interval] == .seconds(3))
        #expect(!settings[enabled])
        #expect(settings[zones].isEmpty)
        #expect(settings[mode] == .overlap)
        #expect(settings[region] == nil)
        #expect(settings[token] == nil)
    }

    @Test func `the environment overrules the file and flags overrule both`() throws {
        let settings = try #require(
            read(
                "PORT=1\nZONES=a,b c\nAWS_REGION=eu-west-1", environment: ["PORT": "2", "ZONES": "d", "PATH": "/bin"],
                flags: ["--port": "3"]
            )
            .settings)
        #expect(settings[port] == 3)
        #expect(settings[zones] == ["d"])
        #expect(settings[region] == "eu-west-1")
    }

    @Test func `a later file overrules an earlier one`() throws {
        let sources = SettingsSources(files: [file("PORT=1\nHAND_OVER=exclusive"), file("PORT=2")])
        let settings = try #require(schema.read(sources).settings)
        #expect(settings[port] == 2)
        #expect(settings[mode] == .exclusive)
    }

    @Test func `an empty value means not given`() throws {
        let settings = try #require(read("PORT=9", environment: ["PORT": ""]).settings)
        #expect(settings[port] == 8080)
    }

    @Test func `a bad value that is overruled does not matter`() throws {
        #expect(try #require(read("PORT=abc", environment: ["PORT": "2"]).settings)[port] == 2)
    }

    @Test func `every problem is told at once, with where it stands`() {
        let outcome = read(
            "nonsense\nHEARTBEAT_INTERVAL=abc\nHEARTBEAT_INTERVALL=3\nQUITE_ANOTHER_THING=1",
            environment: ["REPLICA_ENABLED": "maybe"], flags: ["--port": "0"])
        #expect(outcome.settings == nil)
        #expect(
            Set(outcome.problems) == [
                "/etc/x/agent.env line 1: expected NAME=value, found \"nonsense\"",
                "/etc/x/agent.env line 2: HEARTBEAT_INTERVAL: expected a number of seconds from 1 to 3600, found \"abc\"",
                "/etc/x/agent.env line 3: HEARTBEAT_INTERVALL: unknown setting, perhaps HEARTBEAT_INTERVAL is meant",
                "/etc/x/agent.env line 4: QUITE_ANOTHER_THING: unknown setting",
                "environment: REPLICA_ENABLED: expected true or false (also yes, no, on, off, 1, 0), found \"maybe\"",
                "--port: expected a whole number from 1 to 65535, found \"0\"",
            ])
    }

    @Test func `more problems than anybody reads are counted`() {
        let outcome = read(String(repeating: "x\n", count: 70))
        #expect(outcome.problems.count == 51)
        #expect(outcome.problems.last == "and 20 more problems")
    }

    @Test func `a required setting that nobody gives is a problem`() {
        let required = SettingsSchema([
            Setting.text("NAME", "A name.").listed, Setting<Secret>.secret("KEY", "A key.").listed,
        ])
        #expect(
            required.read(SettingsSources()).problems == [
                "NAME: required, but not given",
                "KEY: required, but not given (nor KEY_FILE, nor a credential key)",
            ])
    }

    @Test func `names that no longer mean anything are accepted with one notice`() {
        let outcome = read("DB_HOST=x\nFLASK_ENV=y\nDB_HOST=z\nDB_PORT=1")
        #expect(outcome.settings != nil)
        #expect(outcome.notices == ["/etc/x/agent.env: known, but without effect: DB_HOST, FLASK_ENV, DB_PORT"])
    }

    @Test func `in the environment only a name that is retired by itself counts, in the same notice`() {
        let environment = ["FLASK_ENV": "production", "DB_SERVICE_HOST": "10.0.0.1", "PATH": "/bin"]
        #expect(read(environment: environment).notices == ["environment: known, but without effect: FLASK_ENV"])
        let both = read("DB_HOST=x", environment: environment).notices
        #expect(
            both == [
                "/etc/x/agent.env: known, but without effect: DB_HOST; environment: known, but without effect: FLASK_ENV"
            ])
    }

    @Test func `what is right is known beside what is wrong`() {
        let outcome = read("PORT=none\nAWS_REGION=eu-west-1\nSTATE_FOLDER=here")
        #expect(outcome.settings == nil)
        #expect(outcome[port] == nil && outcome[state] == nil)
        #expect(outcome[region] == "eu-west-1")
        #expect(outcome[token] == .some(nil), "left out, which is right")
        let nothing = SettingsOutcome(problem: "read configuration: no such file")
        #expect(nothing[port] == nil && nothing[region] == nil && nothing.settings == nil)
    }

    @Test func `an older name means the same, but two names may not disagree`() throws {
        #expect(try #require(read("SERVER_URL=https://a/").settings)[url] == "https://a")
        #expect(read("SERVER_URL=https://a\nCOORDINATOR_URL=https://a").settings != nil)
        #expect(
            read("SERVER_URL=https://a\nCOORDINATOR_URL=https://b").problems == [
                "/etc/x/agent.env line 1: SERVER_URL: the same setting as /etc/x/agent.env line 2: COORDINATOR_URL, with another value"
            ])
    }

    @Test func `a value that swallowed a comment is pointed out`() {
        #expect(
            read("AWS_REGION=us-east-1 # home").notices == [
                "/etc/x/agent.env line 1: AWS_REGION: what follows the # is part of the value; a comment needs its own line"
            ])
    }

    @Test(
        arguments: [
            ("0.5", nil), ("1", .seconds(1)), ("1.5", .milliseconds(1_500)), ("2.005", .milliseconds(2_005)),
            ("3600", .seconds(3600)),
            ("3600.001", nil), ("1.2345", nil), ("1.", nil), (".5", nil), ("-1", nil), ("1e3", nil), ("5s", nil),
        ] as [(String, Duration?)])
    func `seconds are plain numbers within their range`(text: String, duration: Duration?) {
        #expect(read("HEARTBEAT_INTERVAL=\(text)").settings.map { $0[interval] } == duration)
    }

    @Test(arguments: [
        ("http://localhost:5000", true), ("HTTPS://Host", true), ("https://[::1]:443/base/", true),
        ("https://10.0.0.1", true),
        ("ftp://host", false), ("localhost:5000", false), ("http://", false), ("http://host:0", false),
        ("http://host:70000", false),
        ("http://user@host", false), ("http://host/?q", false), ("http://host/#f", false), ("http://ho st", false),
        ("http://host:", false), ("http://[zz]", false),
    ])
    func `a URL is http or https with a host`(text: String, isValid: Bool) {
        #expect((read("COORDINATOR_URL='\(text)'").settings != nil) == isValid)
    }

    @Test(arguments: [("relative", false), ("/absolute", true)])
    func `a path is absolute`(text: String, isValid: Bool) {
        #expect((read("STATE_FOLDER=\(text)").settings != nil) == isValid)
    }
}

struct SecretSettingTests {
    @Test func `a secret is found in the environment, in a file and as a credential, the latter winning`() throws {
        try withTemporaryFolder { folder in
            try replaceFile("\(folder)/from-file", with: Array("filed\n".utf8))
            try replaceFile("\(folder)/client-token", with: Array("credential\n".utf8))
            let fileLine = "CLIENT_TOKEN_FILE=\(folder)/from-file"
            #expect(secret(read(fileLine)) == "filed")
            #expect(secret(read(fileLine, environment: ["CLIENT_TOKEN": "plain"])) == "plain")
            let environment = ["CLIENT_TOKEN": "plain", "CREDENTIALS_DIRECTORY": folder]
            #expect(secret(read(fileLine, environment: environment)) == "credential")
            #expect(secret(read(fileLine, environment: ["CREDENTIALS_DIRECTORY": "/nonexistent"])) == "filed")
        }
    }

    @Test func `what is said about a secret never contains it`() {
        let outcome = read("CLIENT_TOKEN=\"s3cr\net\"\nCLIENT_TOKEN_FILE=/s3cret-path")
        #expect(!outcome.problems.isEmpty)
        #expect(outcome.problems.allSatisfy { !$0.contains("s3cr") || $0.contains("/s3cret-path") })
        #expect(
            read("CLIENT_TOKEN=\"s3cr\net\"").problems == [
                "/etc/x/agent.env line 1: CLIENT_TOKEN: expected one line of text"
            ])
    }

    @Test func `a secret has no flag`() {
        #expect(read("", flags: ["--client-token": "s3cret"]).settings.map { $0[token] == nil } == true)
        #expect(!schema.help().contains("--client-token"))
    }

    @Test func `a file that holds a secret and that everybody may read is told once`() throws {
        try withTemporaryFolder { (folder) throws in
            func notices(_ text: String, mode: UInt32) throws -> [String] {
                try replaceFile("\(folder)/settings", with: Array(text.utf8), permissions: mode)
                return schema.read(SettingsSources(files: [try ConfigurationFile(reading: "\(folder)/settings")]))
                    .notices
            }
            let both = "CLIENT_TOKEN=s3cret\nPORT=80\nCLIENT_TOKEN=s3cret"
            #expect(
                try notices(both, mode: 0o644)
                    == ["\(folder)/settings: holds CLIENT_TOKEN and everybody may read it: chmod 600"])
            #expect(try notices(both, mode: 0o640) == [])
            #expect(try notices("PORT=80\nCLIENT_TOKEN=", mode: 0o644) == [])
        }
    }

    @Test func `a secret's file that cannot be used is a problem, and one that everybody may read a notice`() throws {
        try withTemporaryFolder { folder in
            try replaceFile("\(folder)/open", with: Array("x".utf8), permissions: 0o644)
            let outcome = read("CLIENT_TOKEN_FILE=\(folder)/open")
            #expect(
                outcome.notices == ["/etc/x/agent.env line 1: CLIENT_TOKEN_FILE: everybody may read \(folder)/open"])
            #expect(secret(outcome) == "x")
        }
        #expect(
            read("CLIENT_TOKEN_FILE=/nonexistent/x").problems == [
                "/etc/x/agent.env line 1: CLIENT_TOKEN_FILE: read secret /nonexistent/x: no such file or directory (errno 2)"
            ])
        #expect(
            read("CLIENT_TOKEN_FILE=x").problems == [
                "/etc/x/agent.env line 1: CLIENT_TOKEN_FILE: expected an absolute path, found \"x\""
            ])
    }

    private func secret(_ outcome: SettingsOutcome) -> String? { outcome.settings?[token]?.reveal() }
}

struct SuggestionTests {
    @Test(
        arguments: [
            ("PROT", "PORT"), ("port", "PORT"), ("HEARTBEAT_INTERVALS", "HEARTBEAT_INTERVAL"), ("ZZZZZZ", nil),
            ("X", nil), ("", nil),
        ] as [(String, String?)])
    func `the nearest name is suggested only when it is near`(word: String, name: String?) {
        #expect(nearest(to: word, among: ["PORT", "HEARTBEAT_INTERVAL", "ZONES"]) == name)
    }
}
