import Platform

/// A value that some thread will set and a test waits for.
package final class Awaited<Value: Sendable>: Sendable {
    private let value = Monitor<Value?>(nil)
    private let what: String

    /// `what` names the value in the failure: `the completion of the write`.
    package init(_ what: String) { self.what = what }

    /// Only the first value counts.
    package func set(_ value: Value) { self.value.change { if $0 == nil { $0 = value } } }

    package var isSet: Bool { value.wait(until: .zero) { $0 == nil ? nil : true } ?? false }

    /// Waits for the value, and throws when it has not come `within` that time.
    package func get(within limit: Duration = .seconds(10)) throws -> Value {
        let deadline = SystemSurroundings().monotonic() + limit
        guard let value = value.wait(until: deadline, for: { $0 }) else {
            throw TestSupportError("\(what) did not come within \(limit)")
        }
        return value
    }
}

/// A gate that some thread opens and others wait at.
package final class Latch: Sendable {
    private let opened: Awaited<Bool>

    /// `what` names the event in the failure: `the first request`.
    package init(_ what: String) { opened = Awaited(what) }

    package func open() { opened.set(true) }
    package var isOpen: Bool { opened.isSet }
    package func wait(within limit: Duration = .seconds(10)) throws { _ = try opened.get(within: limit) }
}
