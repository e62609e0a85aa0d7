import Platform

/// Looks again and again, giving way in between, until `condition` holds; for what nobody announces.
package func eventually(
    _ what: String, within limit: Duration = .seconds(10), _ condition: () throws -> Bool
) throws {
    let pause = Monitor(())
    let deadline = SystemSurroundings().monotonic() + limit
    while try !condition() {
        let now = SystemSurroundings().monotonic()
        guard now < deadline else { throw TestSupportError("\(what) did not come true within \(limit)") }
        _ = pause.wait(until: now + .milliseconds(1)) { _ in Bool?.none }
    }
}
