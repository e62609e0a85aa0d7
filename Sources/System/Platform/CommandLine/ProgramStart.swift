import CLinux
import Glibc

/// What a process was started with, read once, before it has threads.
package struct ProgramStart: Sendable {
    package let arguments: [String]
    package let environment: [String: String]

    package static func ofThisProcess() -> ProgramStart {
        var environment: [String: String] = [:]
        var next = unsafe clinux_environment()
        while let entry = unsafe next?.pointee {
            let parts = unsafe String(cString: entry).split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { environment[String(parts[0])] = String(parts[1]) }
            unsafe next = unsafe next?.successor()
        }
        return ProgramStart(arguments: Array(CommandLine.arguments.dropFirst()), environment: environment)
    }

    /// For what libraries read before `main`: unless `variable` was set at the start, sets it and starts the program again in
    /// its place, as the same process with the same arguments. Where that does not work it goes on without.
    package static func ensure(_ variable: String) {
        if unsafe getenv(variable) == nil {
            unsafe setenv(variable, "1", 1)
            // By its own path: after /proc/self/exe the process would be called `exe`.
            if let path = unsafe realpath("/proc/self/exe", nil) {
                unsafe execv(path, CommandLine.unsafeArgv)
                unsafe free(path)
            }
        }
        // It was for this process, not for those that it starts.
        unsafe unsetenv(variable)
    }

    /// By hand there is no credential; so the one that the unit has is taken, by whoever may read it, unless the environment has one of these.
    package func withCredential(_ name: String, of unit: String, unless variables: [String]) -> ProgramStart {
        // While the service runs, and where systemd looks for it (systemd.exec(5)).
        let folders = [
            "/run/credentials/\(unit)", "/etc/credstore", "/run/credstore", "/usr/local/lib/credstore",
            "/usr/lib/credstore",
        ]
        let isGiven = (variables + ["CREDENTIALS_DIRECTORY"]).contains { environment[$0] != nil }
        guard !isGiven, let folder = folders.first(where: { isReadable("\($0)/\(name)") }) else { return self }
        var found = environment
        found["CREDENTIALS_DIRECTORY"] = folder
        return ProgramStart(arguments: arguments, environment: found)
    }
}

extension ProgramDescription {
    /// What the command line asks for. When that is only an answer, or cannot be understood, prints and ends the process.
    package func invocation(of start: ProgramStart) -> Invocation {
        switch parse(start.arguments) {
        case .run(let invocation): return invocation
        case .answer(let text):
            let isPrinted = StandardStream.output.write(text)
            (isPrinted ? ExitStatus.success : .failure).exit()
        case .misuse(let text):
            StandardStream.error.write(text)
            ExitStatus.usage.exit()
        }
    }

    /// Reads the settings from the file that `--config` names, or from `standardFile` when it is there, and from what the
    /// process was started with.
    package func readSettings(
        _ invocation: Invocation, _ start: ProgramStart, standardFile: String
    ) -> SettingsOutcome {
        var sources = SettingsSources(environment: start.environment, flags: invocation.settingFlags)
        let chosen = invocation.options[Option.configFile.name]
        do throws(PlatformError) {
            sources.files = [try ConfigurationFile(reading: chosen ?? standardFile)]
        } catch {
            if chosen != nil || error.code != .notFound {
                return SettingsOutcome(problem: error.description)
            }
        }
        return settings.read(sources)
    }

    /// The sub-command `check-config`: prints what is wrong with the settings, or that nothing is.
    /// `contradictions` is what the program itself found.
    package func checkSettings(_ outcome: SettingsOutcome, and contradictions: [String] = []) -> ExitStatus {
        for notice in outcome.notices { StandardStream.error.write("notice: \(notice)\n") }
        for problem in outcome.problems + contradictions { StandardStream.error.write("\(problem)\n") }
        guard outcome.settings != nil, contradictions.isEmpty else { return .configuration }
        StandardStream.output.write("\(name): the configuration is valid\n")
        return .success
    }
}

extension Option {
    package static let configFile = Option(
        "config", value: "FILE", "Read the settings from FILE, which must be there, instead of the usual place.")
}
