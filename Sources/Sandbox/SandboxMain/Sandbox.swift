import Glibc
import Platform
import Systemd

/// The program `spot-sandbox`.
@main struct Sandbox {
    static func main() {
        StandardStream.ensureAllOpen()
        let program = SandboxSettings.program
        let start = ProgramStart.ofThisProcess()
        let invocation = program.invocation(of: start)
        switch invocation.subcommand {
        case "serve":
            serve(program.readSettings(invocation, start, standardFile: SandboxSettings.standardFile), start).exit()
        case "page": Page.serve(invocation).exit()
        default: Operator.run(invocation, start.environment).exit()
        }
    }

    private static func serve(_ outcome: SettingsOutcome, _ start: ProgramStart) -> ExitStatus {
        let outcome = outcome.adding(problems: SandboxSettings.contradictions(in: outcome))
        for problem in outcome.problems { StandardStream.error.write("spot-sandbox: \(problem)\n") }
        guard let settings = outcome.settings else { return .configuration }
        StandardStream.error.write(banner)
        let surroundings = SystemSurroundings()
        let sink = LogDestination.automatic.open(
            identifier: "spot-sandbox", prefix: "SANDBOX_", environment: start.environment, surroundings: surroundings)
        // Before the first thread.
        Loop.block(signals: [SIGTERM, SIGINT, SIGCHLD])
        do {
            let service = try Service(
                settings, environment: start.environment, surroundings: surroundings, log: Log(to: sink))
            try service.run()
            return .success
        } catch {
            let isTaken = (error as? PlatformError)?.code == .addressInUse
            let remedy = isTaken ? ": another place is chosen with --listen, --balancer or --address" : ""
            StandardStream.error.write("spot-sandbox: \(error)\(remedy)\n")
            return isTaken ? .unavailable : .failure
        }
    }

    private static let banner = """
        *** spot-sandbox: THIS IS NOT AWS. It pretends to be the part of it that we use, on this machine alone. ***
        *** Its instances are processes or nothing at all, and its key is known to everybody.                   ***

        """
}
