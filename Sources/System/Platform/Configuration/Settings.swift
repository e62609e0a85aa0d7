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

    package init(path: String, bytes: [UInt8]) {
        self.path = path
        text = ConfigurationText(bytes)
    }

    package init(reading path: String) throws(PlatformError) {
        self.init(
            path: path, bytes: try readSmallFile(path, limit: ConfigurationText.limit, doing: "read configuration"))
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
}
