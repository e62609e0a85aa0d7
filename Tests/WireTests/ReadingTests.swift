import JSON
import Testing
import Wire

/// What every reader of the protocol does with fields that are missing, null, unknown or of the wrong type: each
/// golden file is changed in one place after the other.
struct ReadingTests {
    @Test(arguments: goldens)
    func `exactly the required fields are missed, by their path`(golden: Golden) throws {
        let tree = try golden.tree()
        var missed: [String] = []
        for place in tree.places where !place.isElement {
            if let error = failure(of: golden, reading: tree, with: nil, at: place) {
                #expect(error == JSONError(.missing, path: place.description, reason: "missing"))
                missed.append(place.description)
            }
        }
        #expect(missed.filter(isFirstEntry).sorted() == golden.required.sorted())
    }

    @Test(arguments: goldens)
    func `null means absent for an optional field, and missing for a required one`(golden: Golden) throws {
        let tree = try golden.tree()
        for place in tree.places where !place.isElement && !isParameter(place, of: golden) {
            let without = outcome(of: golden, reading: tree, with: nil, at: place)
            let withNull = outcome(of: golden, reading: tree, with: .null, at: place)
            switch (without, withNull) {
            case (.success(let absent), .success(let null)): #expect(areEqual(absent, null), "\(place)")
            case (.failure, .failure(let error)):
                #expect(error.path == place.description)
                #expect(error.code == .missing)
            default: Issue.record("\(place) treats null unlike absence")
            }
        }
    }

    @Test(arguments: goldens)
    func `a value of the wrong type is refused by its path`(golden: Golden) throws {
        let tree = try golden.tree()
        for place in tree.places where !golden.unread.contains(place.description) && !isParameter(place, of: golden) {
            let error = failure(of: golden, reading: tree, with: wrongValue(for: tree[place]), at: place)
            #expect(error?.path == place.description, "\(place)")
            #expect(error?.code == .mismatch, "\(place)")
        }
    }

    @Test(arguments: goldens)
    func `a field that nobody knows yet is ignored wherever it stands`(golden: Golden) throws {
        var tree = try golden.tree()
        for place in [Place(steps: [])] + tree.places {
            guard case .object(let members)? = tree[place] else { continue }
            tree[place] = .object([.init(key: "from_the_future", value: .array([.null]))] + members)
        }
        #expect(areEqual(try golden.read(encodeJSON(tree)), golden.value))
    }

    @Test(arguments: goldens)
    func `the minimal form is read, and written again it means the same`(golden: Golden) throws {
        var tree = try golden.tree()
        for place in tree.places.reversed() where !place.isElement {
            if failure(of: golden, reading: tree, with: nil, at: place) == nil { tree[place] = nil }
        }
        let minimal = try golden.read(encodeJSON(tree))
        #expect(areEqual(try golden.read(written(minimal)), minimal))
    }

    @Test(arguments: goldens)
    func `a field given twice is refused`(golden: Golden) throws {
        guard case .object(let members) = try golden.tree(), let first = members.first else { return }
        let twice = encodeJSON(Tree.object(members + [first]))
        let error = #expect(throws: JSONError.self) { try golden.read(twice) }
        #expect(error?.code == .duplicateKey)
        #expect(error?.path == first.key)
    }

    @Test(arguments: goldens)
    func `no text near a golden file stops the reader`(golden: Golden) throws {
        let text = try golden.text()
        let bytes: [UInt8] = [0x00, 0x22, 0x30, 0x7B, 0x7D, 0xFF]
        for index in text.indices {
            var mutant = text
            mutant[index] = bytes[index % bytes.count]
            _ = try? golden.read(mutant)
            #expect(throws: JSONError.self) { try golden.read(Array(text[..<index])) }
        }
    }

    // MARK: Changing one place

    private func outcome(
        of golden: Golden, reading tree: Tree, with value: Tree?, at place: Place
    ) -> Result<any WireObject, JSONError> {
        var changed = tree
        changed[place] = value
        do throws(JSONError) { return .success(try golden.read(encodeJSON(changed))) } catch { return .failure(error) }
    }

    private func failure(of golden: Golden, reading tree: Tree, with value: Tree?, at place: Place) -> JSONError? {
        if case .failure(let error) = outcome(of: golden, reading: tree, with: value, at: place) { error } else { nil }
    }

    private func wrongValue(for value: Tree?) -> Tree {
        if case .scalar(let text)? = value, text.first == UInt8(ascii: "\"") { .number(7) } else { .text("wrong") }
    }

    /// The later entries of a list behave as the first.
    private func isFirstEntry(_ path: String) -> Bool { !path.contains("[1]") }

    /// The parameters of a command: unreadable ones are told with the command, see `CommandTests`.
    private func isParameter(_ place: Place, of golden: Golden) -> Bool {
        let frame = [
            "id", "instance_id", "priority", "created_at", "not_before", "expires_at", "lease_seconds", "attempt",
            "epoch", "incident_id", "command_type",
        ]
        let steps = place.description.split(separator: ".")
        let holdsCommands = golden.value is HeartbeatReply || golden.value is NoticeReply
        let isInCommand =
            golden.value is Command || (holdsCommands && steps.count == 2 && steps[0].hasPrefix("commands["))
        return isInCommand && !frame.contains(String(steps[steps.count - 1]))
    }
}
