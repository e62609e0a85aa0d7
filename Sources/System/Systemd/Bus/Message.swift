import CSystemd
import Glibc

/// Owns one reference to a D-Bus message, being written or being read.
@safe struct Message: ~Copyable {
    let handle: OpaquePointer

    /// Takes over the reference that a `sd_bus_message_new_…` gave.
    init(owning handle: OpaquePointer) { unsafe self.handle = handle }

    /// Shares a message that belongs to sd-bus for the length of a callback.
    init(sharing handle: OpaquePointer) { unsafe self.handle = sd_bus_message_ref(handle) }

    deinit { unsafe sd_bus_message_unref(handle) }

    var sender: String? { unsafe sd_bus_message_get_sender(handle).map { unsafe String(cString: $0) } }

    func isSignal(_ interface: String, _ member: String) -> Bool {
        unsafe sd_bus_message_is_signal(handle, interface, member) > 0
    }

    /// The error that this message is, if it is one.
    var refusal: SystemdError? {
        guard let error = unsafe sd_bus_message_get_error(handle) else { return nil }
        let name = unsafe error.pointee.name.map { unsafe String(cString: $0) } ?? ""
        let words = unsafe error.pointee.message.map { unsafe String(cString: $0) } ?? name
        return SystemdError(SystemdError.Code(busError: name), words)
    }

    private func check(_ result: Int32, _ doing: String) throws(SystemdError) {
        guard result >= 0 else { throw SystemdError(.malformed, "\(doing) a bus message: \(reason(result))") }
    }
}

// MARK: Writing

extension Message {
    func append(_ text: String) throws(SystemdError) {
        // C would end the text at a zero and send another one than we were given.
        guard !text.utf8.contains(0) else { throw SystemdError(.malformed, "write a bus message: a zero in a text") }
        try check(unsafe sd_bus_message_append_basic(handle, code("s"), text), "write")
    }

    func append(_ number: Int32) throws(SystemdError) {
        try check(
            unsafe withUnsafePointer(to: number) { unsafe sd_bus_message_append_basic(handle, code("i"), $0) }, "write")
    }

    func append(_ number: UInt32) throws(SystemdError) {
        try check(
            unsafe withUnsafePointer(to: number) { unsafe sd_bus_message_append_basic(handle, code("u"), $0) }, "write")
    }

    func append(_ number: UInt64) throws(SystemdError) {
        try check(
            unsafe withUnsafePointer(to: number) { unsafe sd_bus_message_append_basic(handle, code("t"), $0) }, "write")
    }

    func append(_ flag: Bool) throws(SystemdError) {
        // sd-bus takes a boolean as a C int.
        let number: Int32 = flag ? 1 : 0
        try check(
            unsafe withUnsafePointer(to: number) { unsafe sd_bus_message_append_basic(handle, code("b"), $0) }, "write")
    }

    func append(_ texts: [String]) throws(SystemdError) {
        try array("s") { () throws(SystemdError) in for text in texts { try append(text) } }
    }

    func array(_ contents: String, _ body: () throws(SystemdError) -> Void) throws(SystemdError) {
        try container("a", contents, body)
    }

    func structure(_ contents: String, _ body: () throws(SystemdError) -> Void) throws(SystemdError) {
        try container("r", contents, body)
    }

    /// One `(sv)`, the form in which PID 1 takes the settings of a transient unit.
    func property(_ name: String, _ type: String, _ body: () throws(SystemdError) -> Void) throws(SystemdError) {
        try structure("sv") { () throws(SystemdError) in
            try append(name)
            try container("v", type, body)
        }
    }

    func property(_ name: String, _ value: String) throws(SystemdError) {
        try property(name, "s") { () throws(SystemdError) in try append(value) }
    }

    func property(_ name: String, _ value: [String]) throws(SystemdError) {
        try property(name, "as") { () throws(SystemdError) in try append(value) }
    }

    func property(_ name: String, _ value: Bool) throws(SystemdError) {
        try property(name, "b") { () throws(SystemdError) in try append(value) }
    }

    func property(_ name: String, _ value: UInt64) throws(SystemdError) {
        try property(name, "t") { () throws(SystemdError) in try append(value) }
    }

    func property(_ name: String, _ value: UInt32) throws(SystemdError) {
        try property(name, "u") { () throws(SystemdError) in try append(value) }
    }

    func property(_ name: String, _ value: Int32) throws(SystemdError) {
        try property(name, "i") { () throws(SystemdError) in try append(value) }
    }

    private func container(
        _ kind: Unicode.Scalar, _ contents: String, _ body: () throws(SystemdError) -> Void
    ) throws(SystemdError) {
        try check(unsafe sd_bus_message_open_container(handle, code(kind), contents), "write")
        try body()
        try check(unsafe sd_bus_message_close_container(handle), "write")
    }
}

// MARK: Reading

/// A property's value, of the few kinds that we read.
enum PropertyValue: Equatable {
    case text(String)
    case number(Int64)
    case bytes([UInt8])
    case texts([String])
}

extension Message {
    /// A string or an object path.
    func text(_ kind: Unicode.Scalar = "s") throws(SystemdError) -> String {
        var pointer: UnsafePointer<CChar>?
        let result = unsafe withUnsafeMutablePointer(to: &pointer) {
            unsafe sd_bus_message_read_basic(handle, code(kind), $0)
        }
        guard result > 0, let pointer = unsafe pointer else { throw unexpected(result, "a text") }
        return unsafe String(cString: pointer)
    }

    func number() throws(SystemdError) -> UInt32 { try number("u", UInt32.self) }

    func skip(_ types: String) throws(SystemdError) { try check(unsafe sd_bus_message_skip(handle, types), "read") }

    /// Reads an `a{sv}`, of which only the properties in `wanted` are looked at.
    func properties(_ wanted: Set<String>) throws(SystemdError) -> [String: PropertyValue] {
        var found: [String: PropertyValue] = [:]
        try check(unsafe sd_bus_message_enter_container(handle, code("a"), "{sv}"), "read")
        while unsafe sd_bus_message_enter_container(handle, code("e"), "sv") > 0 {
            let name = try text()
            if wanted.contains(name) { found[name] = try variant() } else { try skip("v") }
            try check(unsafe sd_bus_message_exit_container(handle), "read")
        }
        try check(unsafe sd_bus_message_exit_container(handle), "read")
        return found
    }

    /// Reads an array of structures: `read` takes each one's members, all of them.
    func structures<Element>(
        _ contents: String, _ read: () throws(SystemdError) -> Element
    ) throws(SystemdError) -> [Element] {
        var all: [Element] = []
        try check(unsafe sd_bus_message_enter_container(handle, code("a"), "(\(contents))"), "read")
        while unsafe sd_bus_message_enter_container(handle, code("r"), contents) > 0 {
            all.append(try read())
            try check(unsafe sd_bus_message_exit_container(handle), "read")
        }
        try check(unsafe sd_bus_message_exit_container(handle), "read")
        return all
    }

    /// A variant; nil when it is of a kind that we never read.
    func variant() throws(SystemdError) -> PropertyValue? {
        var contents: UnsafePointer<CChar>?
        let result = unsafe sd_bus_message_peek_type(handle, nil, &contents)
        guard result > 0, let contents = unsafe contents else { throw unexpected(result, "a variant") }
        let type = unsafe String(cString: contents)
        guard ["s", "i", "u", "t", "b", "ay", "as"].contains(type) else {
            try skip("v")
            return nil
        }
        try check(unsafe sd_bus_message_enter_container(handle, code("v"), type), "read")
        let value = try value(type)
        try check(unsafe sd_bus_message_exit_container(handle), "read")
        return value
    }

    private func texts() throws(SystemdError) -> [String] {
        var texts: [String] = []
        try check(unsafe sd_bus_message_enter_container(handle, code("a"), "s"), "read")
        while unsafe sd_bus_message_at_end(handle, 0) == 0 { texts.append(try text()) }
        try check(unsafe sd_bus_message_exit_container(handle), "read")
        return texts
    }

    private func value(_ type: String) throws(SystemdError) -> PropertyValue {
        switch type {
        case "s": return .text(try text())
        case "as": return .texts(try texts())
        case "ay":
            var bytes: UnsafeRawPointer?
            var count = 0
            try check(unsafe sd_bus_message_read_array(handle, code("y"), &bytes, &count), "read")
            return unsafe .bytes(Array(UnsafeRawBufferPointer(start: bytes, count: count)))
        case "t": return .number(Int64(clamping: try number("t", UInt64.self)))
        case "u": return .number(Int64(try number("u", UInt32.self)))
        case "b": return .number(Int64(try number("b", Int32.self)))
        default: return .number(Int64(try number("i", Int32.self)))
        }
    }

    private func number<Number: FixedWidthInteger>(
        _ kind: Unicode.Scalar, _: Number.Type
    ) throws(SystemdError) -> Number {
        var number: Number = 0
        try check(
            unsafe withUnsafeMutablePointer(to: &number) { unsafe sd_bus_message_read_basic(handle, code(kind), $0) },
            "read")
        return number
    }

    private func unexpected(_ result: Int32, _ wanted: String) -> SystemdError {
        SystemdError(
            .malformed, "read a bus message: \(result < 0 ? reason(result) : "it ends") where \(wanted) was due")
    }
}

extension SystemdError.Code {
    fileprivate init(busError name: String) {
        self =
            switch name {
            case "org.freedesktop.systemd1.NoSuchUnit": .noSuchUnit
            case "org.freedesktop.systemd1.UnitExists": .unitExists
            case "org.freedesktop.DBus.Error.AccessDenied",
                "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired":
                .denied
            case "org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NameHasNoOwner": .unavailable
            // The bus says so when the one we asked went away, and sd-bus when the bus did.
            case "org.freedesktop.DBus.Error.NoReply", "org.freedesktop.DBus.Error.Disconnected": .disconnected
            case "org.freedesktop.DBus.Error.LimitsExceeded": .busy
            default: name.hasPrefix("org.freedesktop.DBus.Error.Spawn.") ? .unavailable : .refused
            }
    }
}

private func code(_ kind: Unicode.Scalar) -> CChar { CChar(kind.value) }
