/// Where files go: the unit has systemd make both folders and say so.
struct Folders {
    let state: String
    let runtime: String

    init(_ environment: [String: String]) {
        func folder(_ name: String) -> String? {
            // systemd.exec(5): several folders are separated by colons; the unit has one of each.
            environment[name].map { String($0.prefix { $0 != ":" }) }.flatMap { $0.isEmpty ? nil : $0 }
        }
        let state = folder("STATE_DIRECTORY")
        self.state = state ?? AgentSettings.standardStateFolder
        // Without a unit there is one folder for both.
        runtime = folder("RUNTIME_DIRECTORY") ?? state ?? AgentSettings.standardRuntimeFolder
    }
}
