import AgentCore
import AgentHost
import JSON
import Platform
import Systemd
import Wire

/// `spot-agent check`: whether this machine has all that the agent needs.
enum CheckCommand {
    static func run(
        _ invocation: Invocation, _ start: ProgramStart, _ program: ProgramDescription
    ) -> ExitStatus {
        let outcome = AgentSettings.read(invocation, start)
        do {
            let page = CheckPage(try findings(outcome, start.environment).lines)
            let text =
                invocation.has(Option.json.name) ? String(decoding: encodeJSON(page), as: UTF8.self) + "\n" : page.text
            guard StandardStream.output.write(text) else { return .failure }
            return page.verdict == .failed ? .failure : .success
        } catch {
            StandardStream.error.write("cannot check: \(error)\n")
            return .failure
        }
    }

    private static func findings(_ outcome: SettingsOutcome, _ environment: [String: String]) throws -> Findings {
        var known = Findings()
        (known.problems, known.notices) = (outcome.problems, outcome.notices)
        known.server = outcome[AgentSettings.server]
        known.hasToken = token(outcome) != nil
        known.region = outcome[AgentSettings.region] ?? nil
        known.makesImages = outcome[AgentSettings.makesImage] ?? false
        if let settings = outcome.settings {
            known.takeOver = TakeOver(settings, hooks: [])
            known.hooks = HooksFinding(AgentSettings.hooks(settings), in: settings[AgentSettings.hooksFolder])
        }

        let loop = try Loop()
        let surroundings = SystemSurroundings()
        let tools = try tools(outcome, loop, surroundings)
        if tools.unitLook != nil { known.paths = paths(outcome) }
        let checkup = try Checkup(known, on: loop, tools: tools, surroundings: surroundings)
        let folders = Folders(environment)
        let places = Checkup.Places(
            state: folders.state, runtime: folders.runtime,
            isStateNamed: folders.state != AgentSettings.standardStateFolder)
        checkup.begin(in: places) { findings in
            known = findings
            loop.stop(0)
        }
        _ = try withExtendedLifetime(checkup) { try loop.run() }
        return known
    }

    private static func token(_ outcome: SettingsOutcome) -> Token? {
        outcome[AgentSettings.clientToken].flatMap { try? Token($0.reveal()) }
    }

    private static func paths(_ outcome: SettingsOutcome) -> [String: String] {
        [
            "SERVER_CA_FILE": outcome[AgentSettings.caFile] ?? nil,
            "AWS_CA_BUNDLE": outcome[AgentSettings.cloudCAFile] ?? nil,
            "HOOKS_DIR": outcome[AgentSettings.hooksFolder],
        ].compactMapValues { $0 }
    }

    private static func tools(
        _ outcome: SettingsOutcome, _ loop: Loop, _ surroundings: any Surroundings
    ) throws -> Checkup.Tools {
        var tools = Checkup.Tools(uplink: nil, metadata: nil, cloud: nil, disk: try DiskThread(capacity: 1))
        tools.unitLook = try UnitLook.ofThisMachine(loop)
        if let server = outcome[AgentSettings.server] {
            tools.uplink = try Uplink(
                loop: loop, server: server, caFile: outcome[AgentSettings.caFile] ?? nil, clientToken: token(outcome))
        }
        // A file that cannot be read tells nothing of where to ask.
        guard let isIPv6 = outcome[AgentSettings.metadataMode] else { return tools }
        let metadata = try MetadataClient(
            loop: loop,
            endpoint: MetadataEndpoint.chosen(
                endpoint: outcome[AgentSettings.metadataEndpoint] ?? nil, isIPv6: isIPv6))
        tools.metadata = metadata
        tools.cloud = try Cloud(loop: loop, settings: CloudSettings(outcome), surroundings: surroundings) {
            metadata.read(path: $0, within: $1, $2)
        }
        return tools
    }
}
