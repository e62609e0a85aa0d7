import Platform
import PretendMetadata
import Systemd

/// A metadata service for the agent's unit, at the address and the port that follow, until it is ended.
func metadata() throws {
    let arguments = CommandLine.arguments
    guard arguments.count == 4, let port = UInt16(arguments[3]) else { throw Broken("metadata ADDRESS PORT") }
    let service = try PretendMetadata(host: arguments[2], port: port)
    try Notifier.takeFromEnvironment().ready(status: service.endpoint)
    _ = try Loop().run()
}
