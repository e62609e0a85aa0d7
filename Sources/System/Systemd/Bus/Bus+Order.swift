extension Bus {
    /// The units that are started before this one and stopped after it, where both are; nil: it is not loaded.
    package func unitsBefore(
        _ name: String, within timeout: Duration, _ completion: @escaping (Result<Set<String>?, SystemdError>) -> Void
    ) {
        let operation = begin("read the order of \(name)", within: timeout, completion)
        send(.manager("LoadUnit"), for: operation) { message throws(SystemdError) in
            try message.append(name)
        } _: { [unowned self, unowned operation] reply throws(SystemdError) in
            let path = try reply.text("o")
            send(.properties("GetAll", of: "org.freedesktop.systemd1", at: path), for: operation) {
                message throws(SystemdError) in
                try message.append("org.freedesktop.systemd1.Unit")
            } _: { [unowned operation] reply throws(SystemdError) in
                let properties = try reply.properties(["LoadState", "After"])
                guard case .text("loaded")? = properties["LoadState"] else { return operation.end(.success(nil)) }
                guard case .texts(let names)? = properties["After"] else {
                    throw SystemdError(.malformed, "the property After is not of its type")
                }
                operation.end(.success(Set(names)))
            }
        }
    }
}
