import JSON
import Platform
import PretendMetadata
import TestSupport
import Wire

/// A machine that may run the workload: its box, its agent's unit, and what EC2 says to it.
final class Host {
    let box: Box
    let metadata: PretendMetadata
    /// Where its workload is asked.
    let port: UInt16
    private(set) var instance: InstanceID

    init(_ box: Box, _ metadata: PretendMetadata, port: UInt16, _ instance: InstanceID) {
        (self.box, self.metadata, self.port, self.instance) = (box, metadata, port, instance)
    }

    static let copies = [
        "spot-agent:/usr/bin/spot-agent", "spot-coordinator:/usr/bin/spot-coordinator",
        "FailoverScenarios:/usr/bin/workload",
    ]

    /// Puts in place what an operator would: the workload's units, the hooks, the settings and the client's token.
    func furnish(_ handOver: HandOver, settings: [String], token: Token) throws {
        let serve = "/usr/bin/workload serve \(box.name) \(port) /box/out\(handOver == .exclusive ? " alone" : "")"
        try write(
            "/etc/systemd/system/web.service",
            ["[Unit]", "Wants=web-door.service", "[Service]", "Type=notify", "ExecStart=\(serve)"])
        try write("/etc/systemd/system/web-door.service", ["[Service]", "ExecStart=/bin/sleep infinity"])
        for stage in ["notice", "promote", "drain", "fence"] {
            try hook(stage, "10-note", "echo - - hook of \(stage) >>/box/out/\(box.name).log")
        }
        let own = [
            "AWS_EC2_METADATA_SERVICE_ENDPOINT=\(metadata.endpoint)", "LOGICAL_AGENT_ID=web",
            "HAND_OVER=\(handOver.rawValue)", "PROMOTE_UNITS=web", "DRAIN_UNITS=web-door",
            "VERIFY_URL=http://127.0.0.1:\(port)/", "AUTO_TERMINATE_OLD_INSTANCE=false",
        ]
        try write("/etc/spot-optimizer/agent.env", own + settings)
        try box.ask("umask 077; mkdir -p /etc/credstore; echo '\(token.secret)' >/etc/credstore/client-token")
        try box.ask("systemctl daemon-reload")
    }

    func hook(_ stage: String, _ name: String, _ line: String) throws {
        let path = "/etc/spot-optimizer/hooks/\(stage).d/\(name)"
        try write(path, ["#!/bin/bash", line])
        try box.ask("chmod 755 \(path)")
    }

    private func write(_ path: String, _ lines: [String]) throws {
        let words = lines.map { "'" + $0.replacing("'", with: #"'\''"#) + "'" }.joined(separator: " ")
        try box.ask(#"mkdir -p "$(dirname \#(path))"; printf '%s\n' \#(words) >\#(path)"#)
    }

    func start() throws { try box.ask("systemctl start spot-agent") }

    /// Another machine in its place, as new as from the shop.
    func replace(with instance: InstanceID) throws {
        try box.ask("systemctl stop spot-agent && rm -rf /var/lib/spot-agent/*")
        metadata.set("spot/instance-action", nil)
        metadata.set("instance-id", instance.text)
        self.instance = instance
        try start()
    }

    func announce(at time: Timestamp) {
        metadata.set("spot/instance-action", #"{"action": "terminate", "time": "\#(time)"}"#)
    }

    func state(of unit: String) throws -> String {
        String(try box.ask("systemctl show -P ActiveState \(unit)").prefix { $0.isLetter })
    }
}
