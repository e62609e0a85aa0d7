import Glibc

extension SettingsSchema {
    /// Lays the sources over each other and validates the whole.
    ///
    /// Only the text that wins is validated, so a bad value can be overruled. An empty value means "not given" and overrules
    /// too: the default applies. Unknown names are problems in files and ignored in the environment, which is full of others;
    /// so there only names that are retired by themselves count, not all that begin alike.
    /// For a secret, `NAME_FILE` names a file that holds it. Reads the files of secrets, so it may wait for the disk.
    package func read(_ sources: SettingsSources) -> SettingsOutcome {
        var reading = SettingsReading(schema: self)
        for file in sources.files { reading.add(file) }
        reading.add(environment: sources.environment)
        reading.add(flags: sources.flags)
        return reading.finish()
    }
}

/// Text that a source gives for a setting, and the words that say where it stands.
private struct GivenText {
    let text: String
    let origin: String
    let isFile: Bool
}

private struct SettingsReading {
    let schema: SettingsSchema
    private var given: [String: GivenText] = [:]
    private var problems: [String] = []
    private var notices: [String] = []
    private var wrong: Set<String> = []
    /// Where there are names without effect, and which.
    private var retired: [(place: String, names: [String])] = []

    init(schema: SettingsSchema) { self.schema = schema }

    mutating func add(_ file: ConfigurationFile) {
        var layer = SettingsLayer()
        var retired: [String] = []
        var secrets: [String] = []
        for problem in file.text.problems { problems.append("\(file.path) line \(problem.line): \(problem.text)") }
        for entry in file.text.entries {
            let origin = "\(file.path) line \(entry.line): \(entry.name)"
            if isKnown(entry.name) {
                layer.set(entry.name, entry.value, origin: origin)
                let isSecret = schema.definition(named: entry.name)?.isSecret == true
                if isSecret, !entry.value.isEmpty, !secrets.contains(entry.name) { secrets.append(entry.name) }
                if entry.containsCommentMark {
                    notices.append("\(origin): what follows the # is part of the value; a comment needs its own line")
                }
            } else if schema.isRetired(entry.name) {
                if !retired.contains(entry.name) { retired.append(entry.name) }
            } else {
                problems.append("\(origin): unknown setting\(suggestion(for: entry.name))")
            }
        }
        if !retired.isEmpty { self.retired.append((file.path, retired)) }
        if file.isReadableByEveryone, !secrets.isEmpty {
            notices.append(
                "\(file.path): holds \(secrets.joined(separator: ", ")) and everybody may read it: chmod 600")
        }
        lay(layer)
    }

    mutating func add(environment: [String: String]) {
        var layer = SettingsLayer()
        for name in schema.knownNames {
            if let value = environment[name] { layer.set(name, value, origin: "environment: \(name)") }
        }
        lay(layer)
        let retired = environment.keys.filter(schema.isRetiredByItself).sorted()
        if !retired.isEmpty { self.retired.append(("environment", retired)) }
        guard let folder = environment["CREDENTIALS_DIRECTORY"] else { return }
        for definition in schema.definitions where definition.isSecret {
            addCredential(of: definition, in: folder)
        }
    }

    mutating func add(flags: [String: String]) {
        for (flag, definition) in schema.flags {
            guard let value = flags[flag] else { continue }
            given[definition.name] = GivenText(text: value, origin: flag, isFile: false)
        }
    }

    func finish() -> SettingsOutcome {
        var reading = self
        var values: [String: any Sendable] = [:]
        for definition in schema.definitions { values[definition.name] = reading.value(of: definition) }
        let shown = 50
        var problems = reading.problems
        if problems.count > shown {
            problems = problems.prefix(shown) + ["and \(problems.count - shown) more problems"]
        }
        return SettingsOutcome(
            Settings(values), wrong: reading.wrong, problems: problems, notices: reading.retiredNotice + reading.notices
        )
    }

    private var retiredNotice: [String] {
        let places = retired.map { "\($0.place): known, but without effect: \($0.names.joined(separator: ", "))" }
        return places.isEmpty ? [] : [places.joined(separator: "; ")]
    }

    private func isKnown(_ name: String) -> Bool {
        schema.definition(named: name) != nil || schema.secret(whoseFileIs: name) != nil
    }

    private func suggestion(for name: String) -> String {
        nearest(to: name, among: schema.knownNames).map { ", perhaps \($0) is meant" } ?? ""
    }

    /// A credential is the most deliberate of all ways to hand over a secret, so it wins over what old files still say.
    private mutating func addCredential(of definition: SettingDefinition, in folder: String) {
        for name in definition.credentialNames {
            let path = "\(folder)/\(name)"
            // A unit may name a credential that does not exist on this machine; that is the same as not naming it.
            guard unsafe access(path, F_OK) == 0 else { continue }
            given[definition.name] = GivenText(text: path, origin: "credential \(name)", isFile: true)
            return
        }
    }

    private mutating func lay(_ layer: SettingsLayer) {
        for definition in schema.definitions {
            let found = definition.names.flatMap { name in
                [layer.texts[name], definition.isSecret ? layer.texts["\(name)_FILE"].map(\.asFile) : nil].compactMap(
                    \.self)
            }
            guard let first = found.first else { continue }
            for other in found.dropFirst() where other.text != first.text || other.isFile != first.isFile {
                problems.append("\(other.origin): the same setting as \(first.origin), with another value")
            }
            given[definition.name] = first
        }
    }

    private mutating func value(of definition: SettingDefinition) -> (any Sendable)? {
        guard let given = given[definition.name], !given.text.isEmpty else {
            if definition.isRequired {
                wrong.insert(definition.name)
                problems.append(
                    "\(definition.name): required, but not given\(definition.isSecret ? secretHint(definition) : "")")
            }
            return definition.missing
        }
        if let value = given.isFile ? secret(from: given, definition) : definition.parse(given.text) { return value }
        wrong.insert(definition.name)
        if given.isFile { return nil }
        let found = definition.isSecret ? "" : ", found \(quoted(String(given.text.prefix(60))))"
        problems.append("\(given.origin): expected \(definition.expectation)\(found)")
        return nil
    }

    private func secretHint(_ definition: SettingDefinition) -> String {
        " (nor \(definition.name)_FILE, nor a credential \(definition.credentialNames.joined(separator: " or ")))"
    }

    private mutating func secret(from given: GivenText, _ definition: SettingDefinition) -> (any Sendable)? {
        guard given.text.hasPrefix("/") else {
            problems.append(
                "\(given.origin): expected an absolute path, found \(quoted(String(given.text.prefix(60))))")
            return nil
        }
        do {
            let file = try SecretFile(given.text)
            if file.isReadableByEveryone { notices.append("\(given.origin): everybody may read \(given.text)") }
            if let value = definition.parse(file.secret.reveal()) { return value }
            problems.append("\(given.origin): expected \(definition.expectation) in \(given.text)")
            return nil
        } catch {
            problems.append("\(given.origin): \(error)")
            return nil
        }
    }
}

/// What one source says, before it is laid over what came earlier. Within a source the last line of a name wins, as in
/// systemd.
private struct SettingsLayer {
    private(set) var texts: [String: GivenText] = [:]

    mutating func set(_ name: String, _ text: String, origin: String) {
        texts[name] = GivenText(text: text, origin: origin, isFile: false)
    }
}

extension GivenText {
    fileprivate var asFile: GivenText { GivenText(text: text, origin: origin, isFile: true) }
}
