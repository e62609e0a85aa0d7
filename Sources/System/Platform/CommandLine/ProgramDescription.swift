/// A program as its command line shows it. Parsing, suggestions and the help all come from this one declaration.
package struct ProgramDescription: Sendable {
    package let name: String
    package let version: String
    /// One sentence: what the program is for.
    package let summary: String
    package let subcommands: [Subcommand]
    /// The settings that the help lists and whose flags the sub-commands that take settings accept.
    package let settings: SettingsSchema
    /// Paragraphs for the end of the help: files, where to read on.
    package let notes: [String]

    package init(
        name: String, version: String, summary: String, subcommands: [Subcommand],
        settings: SettingsSchema = SettingsSchema([]), notes: [String] = []
    ) {
        precondition(!subcommands.isEmpty, "a program without a sub-command does nothing")
        precondition(subcommands.filter(\.isDefault).count <= 1, "two sub-commands cannot both be the default")
        (self.name, self.version, self.summary) = (name, version, summary)
        (self.subcommands, self.settings, self.notes) = (subcommands, settings, notes)
    }
}

/// One thing that a program can be told to do.
package struct Subcommand: Sendable {
    /// One word, or several with a space between: `client create`.
    package let name: String
    package let summary: String
    package let options: [Option]
    package let arguments: [Argument]
    /// Accepts the flags of the program's settings.
    package let takesSettings: Bool
    /// What the program does when no sub-command is named.
    package let isDefault: Bool
    /// For the end of its help: lines to type, and what they do.
    package let examples: [Example]
    /// Paragraphs for the end of its help.
    package let notes: [String]

    package init(
        _ name: String, _ summary: String, options: [Option] = [], arguments: [Argument] = [],
        takesSettings: Bool = false, isDefault: Bool = false, examples: [Example] = [], notes: [String] = []
    ) {
        precondition(
            arguments.dropLast().allSatisfy { $0.count == .one }, "only the last argument may be optional or repeated")
        (self.name, self.summary, self.options) = (name, summary, options)
        (self.arguments, self.takesSettings, self.isDefault) = (arguments, takesSettings, isDefault)
        (self.examples, self.notes) = (examples, notes)
    }
}

/// One line to type, and what it does.
package struct Example: Sendable {
    /// Without the program's name.
    package let line: String
    package let meaning: String

    package init(_ line: String, _ meaning: String) { (self.line, self.meaning) = (line, meaning) }
}

/// `--name` or `--name VALUE`.
package struct Option: Sendable {
    /// Without the dashes.
    package let name: String
    /// What stands for the value in the help; nil for an option that is either there or not.
    package let placeholder: String?
    package let summary: String

    package init(_ name: String, value placeholder: String? = nil, _ summary: String) {
        precondition(name != "help" && name != "version", "every program has --help and --version already")
        (self.name, self.placeholder, self.summary) = (name, placeholder, summary)
    }
}

/// A positional argument.
package struct Argument: Sendable {
    package enum Count: Sendable { case one, atMostOne, any }
    package let name: String
    package let count: Count
    package let summary: String

    package init(_ name: String, _ summary: String, count: Count = .one) {
        (self.name, self.count, self.summary) = (name, count, summary)
    }
}

/// What a command line asks for.
package struct Invocation: Sendable, Equatable {
    package let subcommand: String
    /// Options without a value map to an empty text.
    package let options: [String: String]
    package let arguments: [String]
    /// For `SettingsSources.flags`.
    package let settingFlags: [String: String]

    package func has(_ option: String) -> Bool { options[option] != nil }
}

/// What came of parsing a command line.
package enum CommandLineOutcome: Sendable, Equatable {
    case run(Invocation)
    /// The help or the version was asked for: print on standard output and exit with success.
    case answer(String)
    /// Print on standard error and exit with `usage`.
    case misuse(String)
}
