/// What the service manager says of the whole machine: `systemctl is-system-running`.
package enum ManagerState: String, Sendable {
    case initializing, starting, running, degraded, maintenance, stopping
    case other
}

extension Bus {
    package func managerState(
        within timeout: Duration, _ completion: @escaping (Result<ManagerState, SystemdError>) -> Void
    ) {
        let operation = begin("read the service manager's state", within: timeout, completion)
        readProperty("SystemState", of: .manager("Get"), for: operation) { [unowned operation] value in
            guard case .text(let name) = value else { return false }
            operation.end(.success(ManagerState(rawValue: name) ?? .other))
            return true
        }
    }

    /// Whether logind is taking the machine down: what tells a shutdown's SIGTERM from a restart's.
    package func isPreparingForShutdown(
        within timeout: Duration, _ completion: @escaping (Result<Bool, SystemdError>) -> Void
    ) {
        let operation = begin("ask logind for a shutdown", within: timeout, completion)
        let logind = BusMethod(
            destination: "org.freedesktop.login1", path: "/org/freedesktop/login1",
            interface: "org.freedesktop.login1.Manager", member: "Get")
        readProperty("PreparingForShutdown", of: logind, for: operation) { [unowned operation] value in
            guard case .number(let number) = value else { return false }
            operation.end(.success(number != 0))
            return true
        }
    }

    /// Reads a property of the interface that `owner` names; `take` says whether it has the type that it should.
    func readProperty(
        _ name: String, of owner: BusMethod, for operation: Operation, _ take: @escaping (PropertyValue?) -> Bool
    ) {
        send(.properties("Get", of: owner.destination, at: owner.path), for: operation) {
            message throws(SystemdError) in
            try message.append(owner.interface)
            try message.append(name)
        } _: { reply throws(SystemdError) in
            let value = try reply.variant()
            guard take(value) else {
                throw SystemdError(.malformed, "the property \(name) is not of its type")
            }
        }
    }
}
