/// What the service manager says of one unit. What only services have keeps its first value for another kind of unit.
package struct UnitState: Sendable, Equatable {
    package enum Active: String, Sendable {
        case active, reloading, inactive, failed, activating, deactivating, maintenance
    }

    /// False when no file and no transient definition of it was found, or it could not be read.
    package fileprivate(set) var isLoaded = false
    package fileprivate(set) var active = Active.inactive
    /// Of a service: `simple`, `oneshot`, `notify`, …
    package fileprivate(set) var type = ""
    /// As `systemctl` shows it, such as `running`, `dead` or `stop-sigterm`; it differs between kinds of units.
    package fileprivate(set) var sub = ""
    /// Of its last run: `success`, `exit-code`, `signal`, `core-dump`, `timeout`, `watchdog`, `resources`, …
    package fileprivate(set) var result = ""
    /// The main process's last end, by itself or by a signal; nil while it has none.
    package fileprivate(set) var mainExit: ChildExit?
    package fileprivate(set) var mainProcess: Int32 = 0
    /// Names one run of the unit, in hexadecimal as the journal has it; empty when it never ran.
    package fileprivate(set) var invocation = ""

    package init() {}

    /// Nothing of it runs any more, or ever did.
    package var isStopped: Bool { active == .inactive || active == .failed }

    /// It ran, ended, and ended well.
    package var hasSucceeded: Bool { active == .inactive && result == "success" && !invocation.isEmpty }

    static let properties: Set<String> = [
        "LoadState", "ActiveState", "SubState", "Result", "ExecMainCode", "ExecMainStatus", "MainPID", "InvocationID",
        "Type",
    ]

    /// Takes over what `properties` has; what it lacks stays.
    mutating func merge(_ properties: [String: PropertyValue]) {
        if case .text(let value)? = properties["LoadState"] { isLoaded = value == "loaded" }
        if case .text(let value)? = properties["ActiveState"], let known = Active(rawValue: value) { active = known }
        // A change does not repeat the load state; what runs is loaded.
        if !isStopped { isLoaded = true }
        if case .text(let value)? = properties["Type"] { type = value }
        if case .text(let value)? = properties["SubState"] { sub = value }
        if case .text(let value)? = properties["Result"] { result = value }
        if case .number(let value)? = properties["MainPID"] { mainProcess = Int32(clamping: value) }
        if case .number(let code)? = properties["ExecMainCode"],
            case .number(let status)? = properties["ExecMainStatus"]
        {
            mainExit = Self.exit(code: code, status: Int32(clamping: status))
        }
        if case .bytes(let value)? = properties["InvocationID"] {
            let digits = Array("0123456789abcdef")
            invocation = String(value.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
        }
    }

    /// `code` is a CLD_… of waitid(2): 1 exited, 2 killed, 3 dumped core, and 0 while there was no end.
    private static func exit(code: Int64, status: Int32) -> ChildExit? {
        switch code {
        case 1: .exited(status)
        case 2, 3: .killed(signal: status)
        default: nil
        }
    }
}
