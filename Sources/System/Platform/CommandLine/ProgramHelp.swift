extension ProgramDescription {
    /// What `--help` prints: usage, sub-commands, the settings, the notes.
    func help() -> String {
        var sections = ["\(summary)\n", "Usage: \(usage)\n"]
        let rows = subcommands.map { subcommand in
            (subcommand.name, subcommand.summary + (subcommand.isDefault ? " (when nothing is named)" : ""))
        }
        sections.append(section("Sub-commands", rows))
        if let standard = subcommands.first(where: \.isDefault), !standard.options.isEmpty {
            sections.append(section("Options", standard.options.map { ($0.usage, $0.summary) } + commonOptions))
        } else {
            sections.append(section("Options", commonOptions))
        }
        if !settings.definitions.isEmpty {
            let order = "Given in the configuration file, overruled by the environment, overruled by flags."
            sections.append("Settings:\n\(wrapped(order, indent: 2, width: 80))\n\n\(settings.help())")
        }
        sections += notes.map { wrapped($0, indent: 0, width: 80) + "\n" }
        return sections.joined(separator: "\n")
    }

    /// What `--help` after a sub-command prints.
    func help(of subcommand: Subcommand) -> String {
        var sections = [wrapped(subcommand.summary, indent: 0, width: 80) + "\n"]
        sections.append("Usage: \(name) \(([subcommand.name] + subcommand.usage).joined(separator: " "))\n")
        if !subcommand.arguments.isEmpty {
            sections.append(section("Arguments", subcommand.arguments.map { ($0.name, $0.summary) }))
        }
        sections.append(section("Options", subcommand.options.map { ($0.usage, $0.summary) } + commonOptions))
        if subcommand.takesSettings, !settings.definitions.isEmpty {
            sections.append("Settings:\n\(settings.help())")
        }
        if !subcommand.examples.isEmpty {
            let lines = subcommand.examples.map { example in
                "  \(name) \(example.line)\n\(wrapped(example.meaning, indent: 6, width: 80))\n"
            }
            sections.append("Examples:\n\(lines.joined())")
        }
        sections += subcommand.notes.map { wrapped($0, indent: 0, width: 80) + "\n" }
        return sections.joined(separator: "\n")
    }

    private var usage: String {
        let standard = subcommands.first(where: \.isDefault)
        return "\(name) \(standard == nil ? "SUB-COMMAND" : "[SUB-COMMAND]") [OPTIONS] [ARGUMENTS]"
    }

    private var commonOptions: [(String, String)] {
        [("--help", "Print this text, or that of the sub-command before it."), ("--version", "Print the version.")]
    }

    private func section(_ title: String, _ rows: [(String, String)]) -> String {
        // Wider names get a line of their own, so that one of them does not squeeze all the sentences.
        let column = min(rows.map(\.0.count).max() ?? 0, 24) + 4
        let lines = rows.map { name, summary in
            let text = wrapped(summary, indent: column, width: 80)
            let start = "  \(name)"
            guard start.count + 2 <= column else { return "\(start)\n\(text)" }
            return start + text.dropFirst(start.count)
        }
        return "\(title):\n\(lines.joined(separator: "\n"))\n"
    }
}

extension Subcommand {
    fileprivate var usage: [String] {
        let options = options.isEmpty && !takesSettings ? [] : ["[OPTIONS]"]
        return options
            + arguments.map { argument in
                switch argument.count {
                case .one: argument.name
                case .atMostOne: "[\(argument.name)]"
                case .any: "[\(argument.name)…]"
                }
            }
    }
}

extension Option {
    fileprivate var usage: String { "--\(name)\(placeholder.map { " \($0)" } ?? "")" }
}
