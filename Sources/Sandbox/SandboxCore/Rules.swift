/// What the pretend world is like; chosen at its start.
package struct Rules: Sendable {
    package var region = "us-east-1"
    package var zones = ["us-east-1a", "us-east-1b", "us-east-1c"]
    /// Where the calls of EC2 and the balancers are taken: `http://127.0.0.1:1338`.
    package var endpoint = ""
    /// Of the metadata services, which all have the same.
    package var port = 1338
    package var network: AddressRange

    /// The one metadata service of all instances, where each has none of its own.
    package var sharedMetadata: String?

    /// From `pending` to `running`.
    package var launchTime = Duration.seconds(2)
    /// From the end's beginning to the end: `shutting-down` to `terminated`, or `stopping` to `stopped`.
    package var haltTime = Duration.seconds(5)
    /// For so long a new instance is not found by those who describe it.
    package var settleTime = Duration.zero
    /// To attach a volume, or to detach it.
    package var volumeTime = Duration.seconds(1)
    /// From `pending` to `available`.
    package var imageTime = Duration.seconds(2)
    /// How long a member that was taken out keeps its connections.
    package var drainTime = Duration.seconds(10)

    package var balancers: [Front] = []
    package var addresses: [Front] = []
    package var volumes: [NamedVolume] = []

    package init(network: AddressRange) { self.network = network }

    /// The one account's key. Everybody may know it: it opens nothing but this.
    package static let accessKey = "AKIA5A4DB0NOTAWS0000"
    package static let secretKey = "sandbox-not-aws-and-not-a-secret"
    static let account = "000000000000"
    func metadata(of instance: Instance) -> String { sharedMetadata ?? "http://\(instance.metadata):\(port)" }

    /// Of all kinds of things together some hundred are a big demonstration.
    static let instancesMax = 256
}

/// Where traffic comes in that goes on to instances.
package struct Front: Sendable, Equatable {
    package let name: String
    package let address: String
    package let port: Int
    /// Where it goes to on an instance.
    package let targetPort: Int

    /// Nil unless the text is `NAME=ADDRESS:PORT` or `NAME=ADDRESS:PORT/TARGETPORT`.
    package init?(_ text: String) {
        let parts = text.split(separator: "=", omittingEmptySubsequences: false)
        guard parts.count == 2, isName(parts[0]) else { return nil }
        let ends = parts[1].split(separator: "/", omittingEmptySubsequences: false)
        let place = ends[0].split(separator: ":", omittingEmptySubsequences: false)
        guard ends.count <= 2, place.count == 2, IPv4(String(place[0])) != nil, let port = Int(place[1]),
            let target = ends.count == 2 ? Int(ends[1]) : port, (1...65_535).contains(port),
            (1...65_535).contains(target)
        else { return nil }
        (name, address, self.port, targetPort) = (String(parts[0]), String(place[0]), port, target)
    }
}

package struct NamedVolume: Sendable, Equatable {
    package let name: String
    package let zone: String

    /// Nil unless the text is `NAME=ZONE`.
    package init?(_ text: String) {
        let parts = text.split(separator: "=", omittingEmptySubsequences: false)
        guard parts.count == 2, isName(parts[0]), isName(parts[1]) else { return nil }
        (name, zone) = (String(parts[0]), String(parts[1]))
    }
}

private func isName(_ text: Substring) -> Bool {
    (1...32).contains(text.utf8.count)
        && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) || $0 == "-" || $0 == "_" }
}
