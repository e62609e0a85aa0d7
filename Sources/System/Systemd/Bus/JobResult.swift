/// How a job of the service manager ended; `systemd.unit(5)` and the manager's `JobRemoved` signal name these.
package enum JobResult: Sendable, Equatable {
    case done
    case failed
    case timedOut
    /// Another job took its place, as a stop does with a start.
    case canceled
    case dependency
    /// It did not apply to the unit's state.
    case skipped
    case other(String)

    init(_ name: String) {
        self =
            switch name {
            case "done": .done
            case "failed": .failed
            case "timeout": .timedOut
            case "canceled": .canceled
            case "dependency": .dependency
            case "skipped": .skipped
            default: .other(name)
            }
    }
}
