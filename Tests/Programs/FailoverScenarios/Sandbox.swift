import JSON
import Platform
import TestSupport
import Wire

/// The pretended AWS of a town: `spot-sandbox`, on the town's side of the bridge.
final class Sandbox {
    private let process: ChildProcess
    private let launches: String
    private static let port: UInt16 = 1338
    /// Where its balancer is, before whoever is registered with the target group.
    static let balancerPort: UInt16 = 8088
    static let endpoint = "http://\(Network.own):\(port)"

    struct Machine: JSONReadable {
        let id: InstanceID
        let metadata: String

        fileprivate init(id: InstanceID, metadata: String) { (self.id, self.metadata) = (id, metadata) }

        init(from json: JSONValue) throws(JSONError) {
            let fields = try json.object()
            id = try InstanceID(from: fields.required("id"))
            metadata = try fields.required("metadata").string()
        }
    }

    /// Whom the agents launch is told in `folder`.
    init(in folder: String) throws {
        launches = "\(folder)/launches"
        process = try ChildProcess(
            try builtProgram("spot-sandbox"),
            [
                "serve", "--listen", "0.0.0.0:\(Self.port)", "--metadata-network", Network.metadata, "--endpoint",
                Self.endpoint, "--balancer", "web=\(Network.own):\(Self.balancerPort)/\(Host.port)", "--launch-seconds",
                "0", "--allow-ec2", "true", "--boot",
                "echo $SANDBOX_INSTANCE $SANDBOX_METADATA >>\(launches)",
            ])
        try eventually("a pretended AWS") { (try? PlainClient(port: Self.port)) != nil }
    }

    func stop() {
        process.send(signal: 15)
        _ = try? process.waitForEnd()
    }

    /// A machine that runs at once; what it is we have made ourselves.
    func launch(at address: String) throws -> Machine {
        try order("instances", ["address": .text(address), "boot": .flag(false)]).decode(Machine.self)
    }

    /// The first machine that an agent has launched.
    func waitForLaunch() throws -> Machine {
        var words: [String] = []
        try eventually("the launch of a machine", within: Town.patience) {
            guard fileExists(launches) else { return false }
            let text = String(decoding: try readSmallFile(launches, limit: 65_536), as: UTF8.self)
            words = text.split(whereSeparator: \.isWhitespace).map(String.init)
            return words.count >= 2 && text.hasSuffix("\n")
        }
        return Machine(id: try InstanceID(words[0]), metadata: words[1])
    }

    /// What AWS calls the one that there is.
    func targetGroup() throws -> String {
        let status = try ChildProcess(
            try builtProgram("spot-sandbox"), ["status", "--json", "--sandbox", "http://127.0.0.1:\(Self.port)"]
        ).waitForEnd()
        guard let name = status.output.firstMatch(of: /arn:aws:elasticloadbalancing[^"]*/) else {
            throw Broken("the sandbox has no target group: \(status.output)\(status.errors)")
        }
        return String(name.output)
    }

    func announce(_ instance: InstanceID, in time: Duration) throws {
        _ = try order("instances/\(instance)/notice", ["seconds": .text("\(time.whole / 1000)")])
    }

    func recommendRebalance(_ instance: InstanceID) throws { _ = try order("instances/\(instance)/rebalance") }

    func terminate(_ instance: InstanceID) throws {
        _ = try order("instances/\(instance)/terminate", ["at_once": .flag(true)])
    }

    func state(of instance: InstanceID) throws -> String? {
        try PlainClient(port: Self.port).ask("GET", "/sandbox/instances").decode(Listing.self).states[instance]
    }

    private struct Listing: JSONReadable {
        let states: [InstanceID: String]

        init(from json: JSONValue) throws(JSONError) {
            var states: [InstanceID: String] = [:]
            for entry in try json.object().required("instances").array() {
                let fields = try entry.object()
                states[try InstanceID(from: fields.required("id"))] = try fields.required("state").string()
            }
            self.states = states
        }
    }

    /// All calls and metadata services of that name, or of one instance, fail in that way until they are mended.
    func fault(_ what: String, _ kind: String, of instance: InstanceID? = nil) throws {
        var fields: [String: Field] = ["what": .text(what), "kind": .text(kind)]
        fields["instance"] = instance.map { .text($0.text) }
        _ = try order("faults", fields)
    }

    func mend() throws { _ = try order("mend") }

    private enum Field { case text(String), flag(Bool) }

    private struct Order: JSONWritable {
        let fields: [String: Field]

        func write(to writer: inout JSONWriter) {
            writer.object { object in
                for (name, field) in fields {
                    switch field {
                    case .text(let text): object.field(name, text)
                    case .flag(let flag): object.field(name, flag)
                    }
                }
            }
        }
    }

    private func order(_ path: String, _ fields: [String: Field] = [:]) throws -> PlainReply {
        let reply = try PlainClient(port: Self.port).ask("POST", "/sandbox/\(path)", body: Order(fields: fields))
        guard reply.status == 200 else { throw Broken("the sandbox: \(path): \(reply.status) \(reply.text)") }
        return reply
    }
}
