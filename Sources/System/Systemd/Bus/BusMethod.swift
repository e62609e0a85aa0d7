import CSystemd

/// A method of somebody on the bus.
struct BusMethod {
    let destination: String
    let path: String
    let interface: String
    let member: String

    static func manager(_ member: String) -> BusMethod {
        BusMethod(
            destination: "org.freedesktop.systemd1", path: "/org/freedesktop/systemd1",
            interface: "org.freedesktop.systemd1.Manager", member: member)
    }

    static func properties(_ member: String, of destination: String, at path: String) -> BusMethod {
        BusMethod(
            destination: destination, path: path, interface: "org.freedesktop.DBus.Properties", member: member)
    }

    func message(on connection: OpaquePointer) throws(SystemdError) -> Message {
        var handle: OpaquePointer?
        let result = unsafe sd_bus_message_new_method_call(connection, &handle, destination, path, interface, member)
        guard result >= 0, let handle = unsafe handle else {
            throw SystemdError(.failed, "make a message for \(interface).\(member): \(reason(result))")
        }
        return unsafe Message(owning: handle)
    }
}
