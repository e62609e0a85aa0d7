import JSON
import Platform
import TestSupport
import Wire

/// A machine that may run the workload: its box, its agent's unit, and what EC2 knows of it.
final class Host {
    let box: Box
    private let sandbox: Sandbox
    private var machine: Sandbox.Machine
    /// What its settings say besides the address of its metadata service.
    private var settings: [String] = []

    /// Where the workload is asked, on each machine.
    static let port: UInt16 = 8080

    init(_ box: Box, in sandbox: Sandbox) throws {
        (self.box, self.sandbox) = (box, sandbox)
        machine = try sandbox.launch(at: box.place.address)
    }

    var instance: InstanceID { machine.id }

    /// Puts in place what an operator would: the workload's units, the hooks, the settings and the client's token.
    func furnish(_ handOver: HandOver, settings: [String], token: Token) throws {
        let serve = "/usr/bin/workload serve \(box.name) /box/out\(handOver == .exclusive ? " alone" : "")"
        try box.put(
            "/etc/systemd/system/web.service",
            ["[Unit]", "Wants=web-door.service", "[Service]", "Type=notify", "ExecStart=\(serve)"])
        try box.put("/etc/systemd/system/web-door.service", ["[Service]", "ExecStart=/bin/sleep infinity"])
        for stage in ["notice", "promote", "drain", "fence"] {
            try hook(stage, "10-note", "echo - - hook of \(stage) >>/box/out/\(box.name).log")
        }
        self.settings =
            [
                "LOGICAL_AGENT_ID=web", "HAND_OVER=\(handOver.rawValue)", "PROMOTE_UNITS=web", "DRAIN_UNITS=web-door",
                "VERIFY_URL=http://127.0.0.1:\(Self.port)/", "AUTO_TERMINATE_OLD_INSTANCE=false",
                "AWS_ENDPOINT_URL=\(Sandbox.endpoint)",
            ] + settings
        try writeSettings()
        try box.ask("umask 077; mkdir -p /etc/credstore; echo '\(token.secret)' >/etc/credstore/client-token")
        try box.ask("systemctl daemon-reload")
    }

    private func writeSettings() throws {
        let metadata = "AWS_EC2_METADATA_SERVICE_ENDPOINT=\(machine.metadata)"
        try box.put("/etc/spot-optimizer/agent.env", [metadata] + settings)
    }

    func hook(_ stage: String, _ name: String, _ line: String) throws {
        let path = "/etc/spot-optimizer/hooks/\(stage).d/\(name)"
        try box.put(path, ["#!/bin/bash", line])
        try box.ask("chmod 755 \(path)")
    }

    func start() throws { try box.ask("systemctl start spot-agent") }

    /// Another machine in its place, as new as from the shop.
    func replace() throws {
        try box.ask("systemctl stop spot-agent && rm -rf /var/lib/spot-agent/*")
        // EC2 may have done so by itself.
        if try sandbox.state(of: instance) != "terminated" { try sandbox.terminate(instance) }
        try become(sandbox.launch(at: box.place.address))
    }

    /// It is the machine that EC2 has started.
    func become(_ machine: Sandbox.Machine) throws {
        self.machine = machine
        try writeSettings()
        try start()
    }

    /// The machine is gone from one moment to the next.
    func fail() throws {
        try sandbox.terminate(instance)
        box.kill()
    }

    func announce(in time: Duration = .seconds(120)) throws { try sandbox.announce(instance, in: time) }

    func state(of unit: String) throws -> String {
        String(try box.ask("systemctl show -P ActiveState \(unit)").prefix { $0.isLetter })
    }
}
