/// All settings of a program, and the names that once meant something.
package struct SettingsSchema: Sendable {
    let definitions: [SettingDefinition]
    let retired: [RetiredName]

    package init(_ definitions: [SettingDefinition], retired: [RetiredName] = []) {
        let names = definitions.flatMap(\.names)
        precondition(Set(names).count == names.count, "two settings share a name")
        self.definitions = definitions
        self.retired = retired
    }

    func definition(named name: String) -> SettingDefinition? { definitions.first { $0.names.contains(name) } }
    func isRetired(_ name: String) -> Bool { retired.contains { $0.matches(name) } }
    func isRetiredByItself(_ name: String) -> Bool { retired.contains(.exactly(name)) }

    /// The secret whose file `name` gives: CLIENT_TOKEN for CLIENT_TOKEN_FILE.
    func secret(whoseFileIs name: String) -> SettingDefinition? {
        guard name.hasSuffix("_FILE") else { return nil }
        return definition(named: String(name.dropLast(5))).flatMap { $0.isSecret ? $0 : nil }
    }

    /// What a file may say, for suggestions.
    var knownNames: [String] {
        definitions.flatMap { definition in
            definition.isSecret ? definition.names + definition.names.map { "\($0)_FILE" } : definition.names
        }
    }

    /// The flags that a command line may carry, with the setting each of them gives.
    var flags: [(flag: String, definition: SettingDefinition)] {
        definitions.compactMap { definition in definition.flag.map { ($0, definition) } }
    }
}

extension Setting {
    /// The setting as a schema lists it.
    package var listed: SettingDefinition { definition }
}

/// A name that old configuration files carry and that no longer means anything.
package enum RetiredName: Sendable, Equatable {
    case exactly(String)
    case beginning(String)

    func matches(_ name: String) -> Bool {
        switch self {
        case .exactly(let known): name == known
        case .beginning(let prefix): name.hasPrefix(prefix)
        }
    }
}
