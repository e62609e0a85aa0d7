extension ProgramDescription {
    /// `arguments` without the program's own name. `--help` and `--version` win over everything else that is right or wrong
    /// before `--`; after `--` everything is an argument.
    package func parse(_ arguments: [String]) -> CommandLineOutcome {
        let named = named(by: arguments)
        let beforeEnd = arguments.prefix { $0 != "--" }
        if beforeEnd.contains("--help") || beforeEnd.contains("-h") { return .answer(named.map(help(of:)) ?? help()) }
        if beforeEnd.contains("--version") { return .answer("\(name) \(version)\n") }
        guard let subcommand = named ?? standard(for: arguments) else { return .misuse(noSubcommand(arguments)) }
        let rest = Array(arguments.dropFirst(named?.words.count ?? 0))
        do throws(Misuse) {
            var parsing = CommandLineParsing(program: self, subcommand: subcommand)
            return .run(try parsing.parse(rest))
        } catch {
            let command = subcommand.isDefault ? name : "\(name) \(subcommand.name)"
            return .misuse("\(name): \(error.text)\nTry \"\(command) --help\".\n")
        }
    }

    private func named(by arguments: [String]) -> Subcommand? {
        subcommands.first { arguments.starts(with: $0.words) }
    }

    private func standard(for arguments: [String]) -> Subcommand? {
        let standard = subcommands.first(where: \.isDefault)
        // A word where the default expects none is a mistyped sub-command, not an argument.
        let isWord = arguments.first.map { !$0.hasPrefix("-") } ?? false
        return isWord && standard?.arguments.isEmpty == true ? nil : standard
    }

    private func noSubcommand(_ arguments: [String]) -> String {
        let hint = "Try \"\(name) --help\".\n"
        let words = arguments.prefix { !$0.hasPrefix("-") }
        guard let first = words.first else { return "\(name): a sub-command is required\n\(hint)" }
        let family = subcommands.map(\.name).filter { $0.hasPrefix("\(first) ") }
        if words.count == 1, !family.isEmpty {
            return "\(name): \(first) needs a second word: \(family.joined(separator: ", "))\n\(hint)"
        }
        let two = words.prefix(2).joined(separator: " ")
        let names = subcommands.map(\.name)
        let suggestion = suggestion(nearest(to: two, among: names) ?? nearest(to: first, among: names))
        return "\(name): unknown sub-command \(quoted(family.isEmpty ? first : two))\(suggestion)\n\(hint)"
    }
}

extension Subcommand {
    fileprivate var words: [String] { name.split(separator: " ").map(String.init) }
}

private struct Misuse: Error { let text: String }

private func suggestion(_ name: String?) -> String { name.map { ", perhaps \($0) is meant" } ?? "" }

private struct CommandLineParsing {
    private let subcommand: Subcommand
    /// By name with the dashes; whether the option takes a value, and whether it is a setting's flag.
    private var known: [String: (takesValue: Bool, isSetting: Bool)] = [:]
    private var options: [String: String] = [:]
    private var settingFlags: [String: String] = [:]
    private var positional: [String] = []

    init(program: ProgramDescription, subcommand: Subcommand) {
        self.subcommand = subcommand
        if subcommand.takesSettings {
            for (flag, _) in program.settings.flags { known[flag] = (true, true) }
        }
        for option in subcommand.options {
            precondition(known["--\(option.name)"] == nil, "two options share the name --\(option.name)")
            known["--\(option.name)"] = (option.placeholder != nil, false)
        }
    }

    mutating func parse(_ arguments: [String]) throws(Misuse) -> Invocation {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if argument == "--" {
                positional += rest
                break
            }
            // A single dash is how programs name standard input.
            if argument.hasPrefix("-"), argument != "-" {
                try take(option: argument, &rest)
            } else {
                positional.append(argument)
            }
        }
        try checkArguments()
        return Invocation(
            subcommand: subcommand.name, options: options, arguments: positional, settingFlags: settingFlags)
    }

    private mutating func take(option text: String, _ rest: inout ArraySlice<String>) throws(Misuse) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let flag = parts[0]
        guard let option = known[flag] else {
            let suggestion = suggestion(nearest(to: flag, among: known.keys.sorted()))
            throw Misuse(text: "unknown option \(quoted(flag))\(suggestion)")
        }
        guard options[String(flag.dropFirst(2))] == nil, settingFlags[flag] == nil else {
            throw Misuse(text: "\(flag) is given twice")
        }
        let value: String
        if option.takesValue {
            guard let given = parts.count == 2 ? parts[1] : rest.popFirst() else {
                throw Misuse(text: "\(flag) needs a value")
            }
            value = given
        } else {
            guard parts.count == 1 else { throw Misuse(text: "\(flag) takes no value") }
            value = ""
        }
        if option.isSetting { settingFlags[flag] = value } else { options[String(flag.dropFirst(2))] = value }
    }

    private func checkArguments() throws(Misuse) {
        let required = subcommand.arguments.filter { $0.count == .one }
        if positional.count < required.count {
            throw Misuse(text: "\(required[positional.count].name) is missing")
        }
        let isUnlimited = subcommand.arguments.last?.count == .any
        if positional.count > subcommand.arguments.count, !isUnlimited {
            throw Misuse(text: "unexpected argument \(quoted(positional[subcommand.arguments.count]))")
        }
    }
}
