extension SettingsSchema {
    /// The settings as the help shows them: one entry each, wrapped to `width`.
    package func help(width: Int = 80) -> String {
        definitions.map { $0.help(width: width) }.joined(separator: "\n")
    }
}

extension SettingDefinition {
    fileprivate func help(width: Int) -> String {
        var facts: [String] = []
        if isSecret {
            facts.append(
                "Also \(name)_FILE=PATH, or a systemd credential named \(credentialNames.joined(separator: " or ")).")
        } else {
            facts.append("Expects \(expectation).")
        }
        if let defaultText, !defaultText.isEmpty { facts.append("Default: \(defaultText).") }
        if isRequired { facts.append("Required.") }
        if let flag { facts.append("Flag: \(flag).") }
        if !aliases.isEmpty { facts.append("Also accepted as \(aliases.joined(separator: ", ")).") }
        let text = wrapped("\(summary) \(facts.joined(separator: " "))", indent: 6, width: width)
        return "  \(name)=\(placeholder)\n\(text)\n"
    }
}

/// Words in lines of at most `width` characters, each line indented; a longer word gets a line of its own.
func wrapped(_ text: String, indent: Int, width: Int) -> String {
    var lines: [String] = []
    var line = ""
    for word in text.split(separator: " ") {
        if !line.isEmpty, indent + line.count + 1 + word.count > width {
            lines.append(line)
            line = ""
        }
        line += line.isEmpty ? String(word) : " \(word)"
    }
    lines.append(line)
    return lines.map { String(repeating: " ", count: indent) + $0 }.joined(separator: "\n")
}
