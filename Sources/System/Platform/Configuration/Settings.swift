private import CLinux

/// The validated settings of a program.
package struct Settings: Sendable {
    private let values: [String: any Sendable]

    init(_ values: [String: any Sendable]) { self.values = values }

    /// The value of a setting of the schema that these were read with. Asking for another traps.
    package subscript<Value: Sendable>(_ setting: Setting<Value>) -> Value {
        guard let value = values[setting.definition.name] as? Value else {
            preconditionFailure("\(setting.definition.name) is not in the schema with this type")
        }
        return value
    }
}

/// Where settings come from. Later layers win over earlier ones: file, environment, flags; for a secret: file,
/// environment, credential.
package struct SettingsSources: Sendable {
    /// Files in the order in which they are laid over each other.
    package var files: [ConfigurationFile]
    package var environment: [String: String]
    /// By flag, as a command line has them: `--port` → `8080`.
    package var flags: [String: String]

    package init(files: [ConfigurationFile] = [], environment: [String: String] = [:], flags: [String: String] = [:]) {
        (self.files, self.environment, self.flags) = (files, environment, flags)
    }
}

/// A configuration file with the path that its problems are told with.
package struct ConfigurationFile: Sendable, Equatable {
    package let path: String
    package let text: ConfigurationText
    /// Everybody on the machine may read it: no place for a secret.
    let isReadableByEveryone: Bool

    package init(path: String, bytes: [UInt8], isReadableByEveryone: Bool = false) {
        self.path = path
        text = ConfigurationText(bytes)
        self.isReadableByEveryone = isReadableByEveryone
    }

    package init(reading path: String) throws(PlatformError) {
        let file = try readRegularFile(path, limit: ConfigurationText.limit, doing: "read configuration")
        self.init(
            path: path, bytes: file.content, isReadableByEveryone: file.permissions & clinux_read_by_others != 0)
    }
}

/// What reading the settings came to.
package struct SettingsOutcome: Sendable {
    /// Nil when there is any problem.
    package let settings: Settings?
    /// Every problem of every source, each a sentence that says where and what: at most 50, then how many more.
    package let problems: [String]
    /// What is accepted but worth telling once: retired names, a secret that everybody may read.
    package let notices: [String]
    private let values: Settings
    /// The names of the settings that are wrong themselves; nil when no source could be read.
    private let wrong: Set<String>?

    /// What reading them came to when `wrong` are the names of those whose value is none.
    init(_ values: Settings, wrong: Set<String>, problems: [String], notices: [String]) {
        settings = problems.isEmpty ? values : nil
        (self.problems, self.notices, self.values, self.wrong) = (problems, notices, values, wrong)
    }

    /// With what the program itself found wrong, which leaves it without settings.
    package func adding(problems more: [String]) -> SettingsOutcome {
        guard !more.isEmpty, let wrong else { return self }
        return SettingsOutcome(values, wrong: wrong, problems: problems + more, notices: notices)
    }

    /// Nothing could be read.
    package init(problem: String) {
        (settings, problems, notices, values, wrong) = (nil, [problem], [], Settings([:]), nil)
    }

    /// The value of one setting, also when others are wrong; nil when it is wrong itself.
    package subscript<Value: Sendable>(_ setting: Setting<Value>) -> Value? {
        guard let wrong, !wrong.contains(setting.definition.name) else { return nil }
        return values[setting]
    }
}
