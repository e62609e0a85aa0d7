import Glibc
import JSON
import Platform
import PretendMetadata
import TestSupport
import Testing
import Wire

/// `spot-agent check`, the built one, where one thing after the other is wrong.
@Suite(.serialized) struct AgentCheckTests {
    private final class Scene {
        let folder: String
        let metadata: PretendMetadata
        let iam: PretendIAM
        let coordinator: RunningCoordinator
        let client: CreatedClient
        private var pages: [PretendPages] = []

        init(_ folder: String) throws {
            self.folder = folder
            metadata = try PretendMetadata()
            iam = try PretendIAM()
            coordinator = try RunningCoordinator(in: folder)
            client = try coordinator.makeClient()
        }

        deinit {
            metadata.stop()
            iam.stop()
            for page in pages { page.stop() }
        }

        func serve(_ pages: [String: String]) throws -> PretendPages {
            let made = try PretendPages(pages)
            self.pages.append(made)
            return made
        }

        var environment: [String: String] {
            [
                "SPOT_OPTIMIZER_SERVER_URL": "http://127.0.0.1:\(coordinator.port)",
                "SPOT_OPTIMIZER_CLIENT_TOKEN": client.token.secret, "LOGICAL_AGENT_ID": "web",
                "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.endpoint, "AWS_ENDPOINT_URL": iam.url,
                "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "the-secret-half",
                "STATE_DIRECTORY": "\(folder)/agent",
            ]
        }

        /// An empty value is as good as none.
        func check(_ more: [String: String] = [:], through wrapper: [String] = []) throws -> Checked {
            let program = try builtProgram("spot-agent")
            let command = wrapper + [program, "check", "--json"]
            let began = SystemSurroundings().monotonic()
            let outcome = try ChildProcess(
                command[0], Array(command.dropFirst()), environment: environment.merging(more) { $1 }
            ).waitForEnd(within: .seconds(30))
            #expect(!outcome.output.contains(client.token.secret) && !outcome.errors.contains(client.token.secret))
            return try Checked(outcome, SystemSurroundings().monotonic() - began)
        }

        func slots() throws -> Int {
            let reply = try coordinator.ask("GET", Route.agents.path(), token: coordinator.adminToken)
            return try reply.decode(AgentList.self).agents.count
        }
    }

    /// What it said, by subject: `failed: what was found: the remedy`.
    private struct Checked {
        let status: Int32?
        let took: Duration
        var lines: [String: String] = [:]

        init(_ outcome: ChildOutcome, _ took: Duration) throws {
            (status, self.took) = (outcome.status, took)
            let document = try JSONDocument(Array(outcome.output.utf8))
            for value in try document.root.object().required("checks").array() {
                let line = try value.object()
                let words = try ["verdict", "finding", "remedy"].compactMap { try line.optional($0)?.string() }
                lines[try line.required("check").string()] = words.joined(separator: ": ")
            }
        }

        var failed: [String] { lines.filter { $0.value.hasPrefix("failed") }.keys.sorted() }

        func expect(
            _ subject: String, _ verdict: String, _ words: String = "", location: SourceLocation = #_sourceLocation
        ) {
            let line = lines[subject] ?? "nothing"
            #expect(line.hasPrefix(verdict) && line.contains(words), "\(line)", sourceLocation: location)
        }
    }

    private func withScene(_ body: (Scene) throws -> Void) throws {
        try withTemporaryFolder { folder in
            unsafe mkdir("\(folder)/agent", 0o700)
            try body(try Scene(folder))
        }
    }

    @Test func `before the first start all is well but that it does not run, and nothing was done`() throws {
        try withScene { scene in
            let checked = try scene.check()
            #expect(checked.status == 0 && checked.failed.isEmpty, "\(checked.lines)")
            for subject in ["configuration", "server", "token", "metadata", "clock", "state folder"] {
                checked.expect(subject, "ok")
            }
            for right in ["ec2:RunInstances", "ec2:CreateTags", "iam:PassRole", "ec2:TerminateInstances"] {
                checked.expect(right, "ok")
            }
            checked.expect("pricing:GetProducts", "ok")
            checked.expect("token", "ok", "acme")
            checked.expect("daemon", "warning", "systemctl enable --now spot-agent")
            #expect(try scene.slots() == 0)
            #expect(scene.iam.changes.isEmpty)
            #expect(!fileExists("\(scene.folder)/agent/state.log"))
        }
    }

    @Test func `beside a running agent it changes nothing, and says how that one is`() throws {
        try withScene { scene in
            let agent = try ChildProcess(builtProgram("spot-agent"), ["run"], environment: scene.environment)
            try agent.waitForText("notice in contact with the coordinator")
            let record = "\(scene.folder)/agent/state.log"
            try eventually("it says so") {
                let path = "\(scene.folder)/agent/status.json"
                guard let text = try? readSmallFile(path, limit: 1 << 20) else { return false }
                return String(decoding: text, as: UTF8.self).contains("in_contact")
            }
            let before = try readSmallFile(record, limit: 1 << 20)
            let checked = try scene.check()
            #expect(checked.status == 0, "\(checked.lines)")
            checked.expect("daemon", "ok", "in contact: primary of agent")
            #expect(try scene.slots() == 1)
            #expect(try readSmallFile(record, limit: 1 << 20) == before)
            agent.send(signal: SIGTERM)
            #expect(try agent.waitForEnd(within: .seconds(5)).status == 0)
        }
    }

    @Test func `a wrong token fails, and so does none`() throws {
        try withScene { scene in
            let wrong = try scene.check(["SPOT_OPTIMIZER_CLIENT_TOKEN": "token-nobody-has"])
            #expect(wrong.status == 1 && wrong.failed == ["token"], "\(wrong.lines)")
            wrong.expect("token", "failed", "spot-coordinator client token")
            let none = try scene.check(["SPOT_OPTIMIZER_CLIENT_TOKEN": ""])
            #expect(none.failed == ["configuration", "token"], "\(none.lines)")
            none.expect("token", "failed", "run this as root")
            none.expect("server", "ok")
        }
    }

    @Test func `another web server fails, and sees no token`() throws {
        try withScene { scene in
            let page = try scene.serve(["*": "<html><h1>Welcome to nginx!</h1></html>"])
            let checked = try scene.check(["SPOT_OPTIMIZER_SERVER_URL": page.url])
            #expect(checked.status == 1 && checked.failed == ["server"], "\(checked.lines)")
            checked.expect("server", "failed", "is it a spot-coordinator?")
            checked.expect("token", "warning", "not tried")
            #expect(page.shown.isEmpty)
            let nobody = try scene.check(["SPOT_OPTIMIZER_SERVER_URL": "http://127.0.0.1:1"])
            nobody.expect("server", "failed", "security groups")
        }
    }

    @Test func `a certificate that nobody vouches for fails, and is good once its authority is named`() throws {
        try withScene { scene in
            let folder = scene.folder
            let made = try ChildProcess(
                "/usr/bin/openssl",
                [
                    "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
                    "-subj", "/CN=own", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "\(folder)/own.key",
                    "-out", "\(folder)/own.crt",
                ]
            ).waitForEnd()
            #expect(made.status == 0, "\(made.errors)")
            unsafe mkdir("\(folder)/other", 0o700)
            let coordinator = try RunningCoordinator(
                in: "\(folder)/other",
                environment: ["TLS_CERT_FILE": "\(folder)/own.crt", "TLS_KEY_FILE": "\(folder)/own.key"])
            let address = ["SPOT_OPTIMIZER_SERVER_URL": "https://127.0.0.1:\(coordinator.port)"]
            let untrusted = try scene.check(address)
            untrusted.expect("server", "failed", "SERVER_CA_FILE")
            untrusted.expect("token", "warning", "not tried")
            let trusted = try scene.check(address.merging(["SERVER_CA_FILE": "\(folder)/own.crt"]) { $1 })
            trusted.expect("server", "ok", "https://127.0.0.1")
            // Its own clients are others.
            trusted.expect("token", "failed")
        }
    }

    @Test func `without a metadata service it is not known who asks, and no right is tried`() throws {
        try withScene { scene in
            let nobody = try scene.check(["AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1"])
            #expect(nobody.status == 1 && nobody.failed == ["metadata"], "\(nobody.lines)")
            nobody.expect("metadata", "failed", "is this an EC2 instance")
            nobody.expect("rights", "warning", "not tried")
            scene.metadata.fail(.status(403))
            try scene.check().expect("metadata", "failed", "switched off for this machine")
            scene.metadata.fail(.hang(every: 1))
            try scene.check().expect("metadata", "failed", "HttpPutResponseHopLimit must be 2")
            #expect(scene.iam.asked.isEmpty)
        }
    }

    @Test func `each right that IAM denies is named`() throws {
        try withScene { scene in
            scene.iam.deny(["RunInstances", "DeleteSnapshot", "GetProducts"])
            let checked = try scene.check()
            #expect(checked.status == 1)
            #expect(checked.failed == ["ec2:DeleteSnapshot", "ec2:RunInstances", "pricing:GetProducts"])
            checked.expect("ec2:RunInstances", "failed", "UnauthorizedOperation")
            checked.expect("ec2:RunInstances", "failed", "allow ec2:RunInstances in the policy")
            let keyless = try scene.check(["AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""])
            keyless.expect("rights", "failed", "the instance has no role")
        }
    }

    @Test func `what a hand-over needs is looked at, and nothing of it is done`() throws {
        try withScene { scene in
            let hooks = "\(scene.folder)/hooks"
            for folder in [hooks, "\(hooks)/promote.d", "\(hooks)/fence.d"] { unsafe mkdir(folder, 0o755) }
            for (name, mode) in [("promote.d/10-mount", mode_t(0o755)), ("fence.d/open", 0o777)] {
                try replaceFile("\(hooks)/\(name)", with: Array("#!/bin/sh\n".utf8))
                unsafe chmod("\(hooks)/\(name)", mode)
            }
            scene.iam.deny(["AssociateAddress"])
            let checked = try scene.check([
                "ELASTIC_IP_ALLOCATION_ID": "eipalloc-1", "DATA_VOLUME_IDS": "vol-1",
                "PROMOTE_UNITS": "nobody-has-this",
                "TARGET_GROUP_ARNS":
                    "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/0123456789abcdef",
                "HOOKS_DIR": hooks,
            ])
            #expect(checked.status == 1)
            checked.expect("ec2:AssociateAddress", "failed", "to take the address over")
            checked.expect("ec2:AttachVolume", "ok")
            checked.expect("vol-1", "failed", "vol-1 is in us-east-1c and this machine in us-east-1b")
            checked.expect("target group web", "warning", "5 × 30 s = 150 s; a hand-over has 15 s")
            checked.expect("elasticloadbalancing:RegisterTargets", "warning", "it cannot be tried")
            checked.expect("hooks", "failed", "chmod go-w")
            if fileExists("/run/systemd/system") {
                checked.expect("unit nobody-has-this.service", "failed")
            } else {
                checked.expect("units", "warning", "systemd does not run this machine")
            }
            #expect(scene.iam.changes.isEmpty)
        }
    }

    @Test func `a clock that differs is a warning, of five minutes where AWS does not contradict a failure`() throws {
        try withScene { scene in
            let service = String(decoding: encodeJSON(ServiceDescription(uptimeSeconds: 1)), as: UTF8.self)
            func check(ahead: Duration, _ more: [String: String] = [:]) throws -> Checked {
                let time = ServerTime(SystemSurroundings().wall() + ahead)
                let page = try scene.serve([
                    "/": service, "/time": String(decoding: encodeJSON(time), as: UTF8.self), "*": "{}",
                ])
                return try scene.check(more.merging(["SPOT_OPTIMIZER_SERVER_URL": page.url]) { $1 })
            }
            try check(ahead: .seconds(60)).expect("clock", "warning", "set the coordinator's clock")
            let away = ["AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1"]
            try check(ahead: .seconds(60), away).expect("clock", "warning", "set this machine's clock")
            try check(ahead: .seconds(3_600), away).expect("clock", "failed", "AWS refuses signatures")
        }
    }

    @Test func `a state folder that is none fails, an open one is a warning`() throws {
        try withScene { scene in
            try replaceFile("\(scene.folder)/file", with: [])
            try scene.check(["STATE_DIRECTORY": "\(scene.folder)/file"]).expect(
                "state folder", "failed", "not a directory")
            try scene.check(["STATE_DIRECTORY": "\(scene.folder)/none"]).expect(
                "state folder", "failed", "mkdir -m 700")
            unsafe chmod("\(scene.folder)/agent", 0o755)
            let open = try scene.check()
            open.expect("state folder", "warning", "chmod 700")
            #expect(open.status == 0)
        }
    }

    @Test(.enabled(if: geteuid() == 0, "needs root, to become another user"))
    func `a state folder that one may not write to fails`() throws {
        try withScene { scene in
            unsafe chmod(scene.folder, 0o755)
            let user = ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
            let checked = try scene.check(through: user)
            #expect(checked.failed == ["state folder"], "\(checked.lines)")
            checked.expect("state folder", "failed", "permission denied")
        }
    }

    @Test func `when everything hangs it is over in fifteen seconds`() throws {
        try withScene { scene in
            let page = try scene.serve([:])
            scene.iam.hang()
            // The machine is known, so that AWS is asked, too.
            let closed = try scene.check(["SPOT_OPTIMIZER_SERVER_URL": page.url])
            #expect(closed.took < .seconds(15), "\(closed.took)")
            #expect(closed.failed == ["rights", "server"], "\(closed.lines)")
            scene.metadata.fail(.hang(every: 1))
            let hung = try scene.check(["SPOT_OPTIMIZER_SERVER_URL": page.url])
            #expect(hung.took < .seconds(15), "\(hung.took)")
            #expect(hung.failed == ["metadata", "server"], "\(hung.lines)")
        }
    }

    @Test func `for a person it is a page, each remedy below its line`() throws {
        try withScene { scene in
            let outcome = try ChildProcess(
                builtProgram("spot-agent"), ["check"],
                environment: scene.environment.merging(["SPOT_OPTIMIZER_SERVER_URL": "http://127.0.0.1:1"]) { $1 }
            ).waitForEnd(within: .seconds(30))
            #expect(outcome.status == 1)
            #expect(outcome.output.contains("failed   server"), "\(outcome.output)")
            #expect(outcome.output.contains("→ see that the coordinator runs"))
        }
    }
}
