import HTTPServer
import Platform
import SandboxCore

/// What the sandbox can be told at its start.
enum SandboxSettings {
    static let listen = Setting<ListenPlace>(
        "LISTEN", placeholder: "ADDRESS:PORT",
        expectation: "0.0.0.0 or an address of a private network, and a port, such as 127.0.0.1:1338",
        default: "127.0.0.1:1338",
        "Where to listen. A loopback address stands for all of them, so that each instance has one of its own. 0.0.0.0 is for "
            + "namespaces behind bridges, and serves private networks alone; with any other address all instances have that one, and "
            + "are known by the address that they ask from.", parse: ListenPlace.init)
    static let network = Setting<AddressRange>(
        "METADATA_NETWORK", placeholder: "NETWORK",
        expectation: "an IPv4 network of 8 to 28 bits, such as 127.77.0.0/16",
        default: "127.77.0.0/16",
        "Where the instances' metadata services get their addresses from. One that is not loopback must have been given to an "
            + "interface of this machine.", parse: AddressRange.init)
    static let endpoint = Setting.url(
        "ENDPOINT", "How instances reach the calls of EC2, where it is not by LISTEN."
    ).optional
    static let region = Setting.text(
        "REGION", limit: 32, default: "us-east-1", "The one region that there is.")
    static let zones = Setting.list(
        "ZONES", placeholder: "ZONES", default: "", "Its zones; when left out, a, b and c of the region.")

    static let boot = Setting.text(
        "BOOT", placeholder: "COMMAND", limit: 4_096, default: "",
        "What a running instance is: sh runs it with SANDBOX_INSTANCE, _ADDRESS, _METADATA, _ENDPOINT, _ACCESS_KEY, _SECRET_KEY, "
            + "_REGION, _ZONE, _TYPE and _USER_DATA (base64) in its environment. It stays in the foreground: what leaves its "
            + "process group (setsid) is not ended with it. Left out: an instance is nothing but its metadata."
    )
    static let halt = Setting.text(
        "HALT", placeholder: "COMMAND", limit: 4_096, default: "",
        "Run besides when an instance's end begins and once more when it is over, with SANDBOX_STATE, which is then "
            + "shutting-down or stopping, and terminated or stopped. Not when the sandbox itself ends: all is killed then."
    )
    static let launchTime = Setting.seconds(
        "LAUNCH_SECONDS", 0...600, default: "2", "From the launch of an instance to its start.")
    static let haltTime = Setting.seconds(
        "HALT_SECONDS", 0...600, default: "5",
        "From the beginning of an instance's end, where its processes get SIGTERM, to its end, where they get SIGKILL.")
    static let settleTime = Setting.seconds(
        "SETTLE_SECONDS", 0...60, default: "0", "For so long a new instance is not found, as it may happen in EC2.")
    static let volumeTime = Setting.seconds(
        "VOLUME_SECONDS", 0...600, default: "1", "To attach a volume, or to detach it.")
    static let imageTime = Setting.seconds("IMAGE_SECONDS", 0...600, default: "2", "To make an image.")
    static let drainTime = Setting.seconds(
        "DRAIN_SECONDS", 0...3_600, default: "10", "How long a target that was taken out keeps its connections.")

    static let balancers = fronts(
        "BALANCER",
        "Target groups: traffic to the address goes to their healthy members in turn, at the port behind the slash, else at the same."
    )
    static let addresses = fronts(
        "ADDRESS", "Elastic addresses: traffic goes to whichever instance has it associated.")
    static let volumes = Setting<[NamedVolume]>(
        "VOLUME", placeholder: "NAME=ZONE", expectation: "names and zones such as data=us-east-1a, separated by commas",
        default: "", "Data volumes. They are states alone: there is no disk."
    ) { text in parts(text, NamedVolume.init) }
    static let allowEC2 = Setting.boolean(
        "ALLOW_EC2", default: false, "Start on a real EC2 instance, where a pretended one may be taken for it.")

    static let standardFile = "/etc/spot-optimizer/sandbox.env"

    static let schema = SettingsSchema([
        listen.listed, network.listed, endpoint.listed, region.listed, zones.listed, boot.listed, halt.listed,
        launchTime.listed, haltTime.listed, settleTime.listed, volumeTime.listed, imageTime.listed, drainTime.listed,
        balancers.listed, addresses.listed, volumes.listed, allowEC2.listed,
    ])

    private static func fronts(_ name: StaticString, _ summary: String) -> Setting<[Front]> {
        Setting<[Front]>(
            name, placeholder: "NAME=ADDRESS:PORT",
            expectation: "names and places such as web=127.0.0.1:8088 or web=127.0.0.1:8088/8080, separated by commas",
            default: "", summary
        ) { text in parts(text, Front.init) }
    }

    private static func parts<Part>(_ text: String, _ make: (String) -> Part?) -> [Part]? {
        let texts = text.split { $0 == "," || $0 == " " }.map(String.init)
        let parts = texts.compactMap(make)
        return parts.count == texts.count && parts.count <= 64 ? parts : nil
    }

    /// Settings that are right one by one and not together, or not on this machine.
    static func contradictions(in outcome: SettingsOutcome) -> [String] {
        guard let settings = outcome.settings else { return [] }
        var problems: [String] = []
        let network = settings[network]
        if !network.first.isPrivate {
            problems.append("METADATA_NETWORK: \(network) is no private network: the sandbox is for nobody else")
        }
        if settings[listen].address.isLoopback != network.first.isLoopback, settings[listen].isWide {
            problems.append(
                "METADATA_NETWORK: \(network) cannot be reached by LISTEN \(settings[listen]): --listen 0.0.0.0:PORT can"
            )
        }
        for front in settings[balancers] + settings[addresses] where IPv4(front.address)?.isPrivate != true {
            problems.append("BALANCER, ADDRESS: \(front.address) is no private address: the sandbox is for nobody else")
        }
        problems += Self.twice("BALANCER", settings[balancers].map(\.name))
        problems += Self.twice("ADDRESS", settings[addresses].map(\.name))
        problems += Self.twice("VOLUME", settings[volumes].map(\.name))
        problems += zoneProblems(settings)
        if !settings[allowEC2], isEC2 {
            problems.append("this is a real EC2 instance: --allow-ec2 true starts the sandbox here all the same")
        }
        return problems
    }

    private static func twice(_ setting: String, _ names: [String]) -> [String] {
        Dictionary(grouping: names) { $0 }.filter { $1.count > 1 }.keys.sorted().map {
            "\(setting): \($0) is there twice: names differ"
        }
    }

    private static func zoneProblems(_ settings: Settings) -> [String] {
        let region = settings[region]
        let zones = zones(settings)
        return zones.filter { !$0.hasPrefix(region) }.map { "ZONES: \($0) is no zone of REGION \(region)" }
            + settings[volumes].filter { !zones.contains($0.zone) }.map {
                "VOLUME: \($0.name) is in \($0.zone), which is none of ZONES"
            }
    }

    static func zones(_ settings: Settings) -> [String] {
        settings[zones].isEmpty ? ["a", "b", "c"].map { settings[region] + $0 } : settings[zones]
    }

    /// Machines of today say it in their firmware, those before Nitro by their hypervisor.
    private static var isEC2: Bool {
        [("/sys/class/dmi/id/sys_vendor", "Amazon EC2"), ("/sys/hypervisor/uuid", "ec2")].contains { path, beginning in
            guard let text = try? readSmallFile(path, limit: 64) else { return false }
            return String(decoding: text, as: UTF8.self).hasPrefix(beginning)
        }
    }
}

/// Where to listen.
struct ListenPlace: Sendable, CustomStringConvertible {
    let address: IPv4
    let port: Int

    init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPv4(String(parts[0])), let port = Int(parts[1]),
            (1...65_535).contains(port), address.isPrivate || address.isAny
        else { return nil }
        (self.address, self.port) = (address, port)
    }

    /// More than one address: each instance has one.
    var isWide: Bool { address.isLoopback || address.isAny }
    var description: String { "\(address):\(port)" }
}

extension Rules {
    init(_ settings: Settings) {
        self.init(network: settings[SandboxSettings.network])
        let place = settings[SandboxSettings.listen]
        let own = "http://\(place.address.isAny ? "127.0.0.1" : "\(place.address)"):\(place.port)"
        endpoint = settings[SandboxSettings.endpoint] ?? own
        sharedMetadata = place.isWide ? nil : own
        port = place.port
        region = settings[SandboxSettings.region]
        zones = SandboxSettings.zones(settings)
        launchTime = settings[SandboxSettings.launchTime]
        haltTime = settings[SandboxSettings.haltTime]
        settleTime = settings[SandboxSettings.settleTime]
        volumeTime = settings[SandboxSettings.volumeTime]
        imageTime = settings[SandboxSettings.imageTime]
        drainTime = settings[SandboxSettings.drainTime]
        balancers = settings[SandboxSettings.balancers]
        addresses = settings[SandboxSettings.addresses]
        volumes = settings[SandboxSettings.volumes]
    }
}
