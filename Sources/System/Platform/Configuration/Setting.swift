/// One setting of a program: its name, what it may be, what it is when nobody says, and the sentence that explains it.
/// Parsing, errors and the help text all come from this one declaration.
package struct Setting<Value: Sendable>: Sendable {
    let definition: SettingDefinition
}

/// What a setting is, whatever the type of its value.
package struct SettingDefinition: Sendable {
    /// Upper case with underscores, as in a file or the environment.
    package let name: String
    /// Older names that mean the same.
    package let aliases: [String]
    /// What stands for the value in the help: `SECONDS`.
    package let placeholder: String
    /// What a value must be: `a whole number from 1 to 65535`. Completes "expected".
    package let expectation: String
    /// The value when none is given, as it would be written; nil where there is none.
    package let defaultText: String?
    package let isRequired: Bool
    package let isSecret: Bool
    package let summary: String
    /// Secrets never have one: a command line is there for all to see.
    package let flag: String?

    /// The value, or nil when the text is not what is expected.
    let parse: @Sendable (String) -> (any Sendable)?
    /// What the value is when none is given; nil where one is required.
    let missing: (any Sendable)?

    var names: [String] { [name] + aliases }
    /// The names of systemd credentials that may hold the secret: `admin-token` for ADMIN_TOKEN.
    var credentialNames: [String] { names.map { $0.lowercased().replacingUnderscores } }
}

extension Setting {
    /// The general form; the named kinds below are made of it. `defaultValue` is written as in a file; without it the
    /// setting is required. A default that is no valid value is our own mistake and traps.
    package init(
        _ name: StaticString, aliases: [String] = [], placeholder: String, expectation: String,
        default defaultText: String?,
        hasFlag: Bool = true, _ summary: String, parse: @escaping @Sendable (String) -> Value?
    ) {
        let defaultValue = defaultText.flatMap(parse)
        precondition(defaultText == nil || defaultValue != nil, "the default of \(name) is not \(expectation)")
        let name = name.description
        definition = SettingDefinition(
            name: name, aliases: aliases, placeholder: placeholder, expectation: expectation, defaultText: defaultText,
            isRequired: defaultText == nil, isSecret: false, summary: summary,
            flag: hasFlag ? "--\(name.lowercased().replacingUnderscores)" : nil, parse: parse, missing: defaultValue)
    }

    /// The same setting, which may be left out.
    package var optional: Setting<Value?> {
        let parse = definition.parse
        return Setting<Value?>(
            definition: SettingDefinition(
                name: definition.name, aliases: definition.aliases, placeholder: definition.placeholder,
                expectation: definition.expectation, defaultText: nil, isRequired: false, isSecret: definition.isSecret,
                summary: definition.summary, flag: definition.flag,
                parse: { text in (parse(text) as? Value).map { Optional.some($0) as Value? } }, missing: Value?.none))
    }
}

extension Setting where Value == Secret {
    /// A token or passphrase. It comes from a credential, from the environment or from a file, never from a flag, and what is
    /// said about it never contains it.
    package static func secret(
        _ name: StaticString, aliases: [String] = [], expectation: String = "one line of text", _ summary: String,
        admits: @escaping @Sendable (String) -> Bool = { _ in true }
    ) -> Setting {
        Setting(
            definition: SettingDefinition(
                name: name.description, aliases: aliases, placeholder: "SECRET", expectation: expectation,
                defaultText: nil, isRequired: true, isSecret: true, summary: summary, flag: nil,
                parse: { text in
                    SettingKinds.text(text, limit: SecretFile.limit).flatMap { admits($0) ? Secret($0) : nil }
                }, missing: nil))
    }
}

extension String {
    /// `heartbeat-interval` for `heartbeat_interval`: the form of flags and credentials.
    var replacingUnderscores: String { String(map { $0 == "_" ? "-" : $0 }) }
}
