import JSON
import Platform
import Wire

/// Where one sub-command is worked on: what was asked for, whom to ask, and where the answer goes.
struct Desk {
    let invocation: Invocation
    let conversation: Conversation
    let surroundings: any Surroundings
    let output: StandardStream
    /// Says a sentence on standard error.
    let tell: (String) -> Void

    var wantsJSON: Bool { invocation.has(Option.json.name) }

    func write(_ text: String) throws {
        guard output.write(text) else { throw OutputClosed() }
    }

    /// Shows one answer: its own JSON, or what `text` makes of it.
    func show<Message: JSONReadable>(
        _ question: Question, as type: Message.Type, _ text: (Message) throws -> String
    ) throws {
        let reply = try conversation.ask(question)
        // Read also when it is not shown: an answer that cannot be understood is no success.
        let message = try reply.read(type)
        try write(wantsJSON ? printableJSON(reply.body) + "\n" : try text(message))
    }

    func age(_ time: Timestamp?) -> String? {
        time.map { CoordinatorOperator.age(of: $0, at: surroundings.wall()) }
    }
}

// MARK: What the command line says

extension Desk {
    /// The argument at `position`, which is there, as an identifier.
    func argument<Kind: IdentifierKind>(_ position: Int) throws(OperatorError) -> Identifier<Kind> {
        try identifier(invocation.arguments[position])
    }

    func option<Kind: IdentifierKind>(_ name: String) throws(OperatorError) -> Identifier<Kind>? {
        guard let text = invocation.options[name] else { return nil }
        return try identifier(text, of: "--\(name) ")
    }

    private func identifier<Kind: IdentifierKind>(
        _ text: String, of place: String = ""
    ) throws(OperatorError) -> Identifier<Kind> {
        do throws(WireError) { return try Identifier(text) } catch {
            throw OperatorError(.usage, "\(place)\(quoted(text)): \(error)")
        }
    }

    /// The query that an option with an identifier stands for.
    func filter<Kind: IdentifierKind>(
        _ name: String, _ parameter: QueryParameter, _: Kind.Type
    ) throws(OperatorError) -> [(QueryParameter, String)] {
        let value: Identifier<Kind>? = try option(name)
        return value.map { [(parameter, $0.text)] } ?? []
    }

    /// The query that an option with a word of a list stands for.
    func filter<Word: WireWord>(
        _ name: String, _ parameter: QueryParameter, _: Word.Type, or also: [String] = []
    ) throws(OperatorError) -> [(QueryParameter, String)] {
        guard let text = invocation.options[name] else { return [] }
        guard Word(rawValue: text) != nil || also.contains(text) else {
            let words = also + Word.allCases.map(\.rawValue)
            let meant = nearest(to: text, among: words).map { ", perhaps \($0) is meant" } ?? ""
            throw OperatorError(
                .usage, "--\(name) \(quoted(text)): expected one of \(words.joined(separator: ", "))\(meant)")
        }
        return [(parameter, text)]
    }

    /// The query that `--open` stands for.
    var openOnly: [(QueryParameter, String)] { invocation.has("open") ? [(.state, "open")] : [] }

    /// `--limit`, or nil for all there is.
    func limit() throws(OperatorError) -> Int? {
        guard let text = invocation.options[Option.limit.name] else { return nil }
        guard let limit = Int(text), limit > 0 else {
            throw OperatorError(.usage, "--limit \(quoted(text)): expected a whole number from 1")
        }
        return limit
    }
}
