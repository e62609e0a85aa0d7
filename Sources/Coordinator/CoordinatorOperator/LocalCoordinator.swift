package import Platform

/// What the settings that `serve` reads, and the places where it keeps its state, say about the coordinator of this
/// machine. A command line can overrule all of it.
package struct LocalCoordinator: Sendable {
    /// The address it listens on.
    package var host: String
    package var port: Int
    package var isTLS: Bool
    /// As the settings or a credential give it.
    package var adminToken: Secret?
    /// Where the token is looked for when the settings do not give it, in this order.
    package var tokenPlaces: [String]
    /// Why the settings could not be read; then nothing above is known.
    package var problems: [String] = []

    /// `databasePath` is empty where the settings do not name it.
    package init(
        host: String, port: Int, isTLS: Bool, adminToken: Secret?, databasePath: String = "",
        environment: [String: String]
    ) {
        (self.host, self.port, self.isTLS, self.adminToken) = (host, port, isTLS, adminToken)
        tokenPlaces = Self.tokenPlaces(databasePath, environment)
    }

    /// Of settings that could not be read.
    package init(problems: [String], environment: [String: String]) {
        self.init(host: "", port: 0, isTLS: false, adminToken: nil, environment: environment)
        self.problems = problems
    }

    /// `serve` puts the token that it made itself beside its database: where the settings say, else in its state folder,
    /// whoever told it that one.
    private static func tokenPlaces(_ databasePath: String, _ environment: [String: String]) -> [String] {
        let name = "/admin-token"
        if let slash = databasePath.lastIndex(of: "/") { return [databasePath[..<slash] + name] }
        let folders = [stateFolder(environment), "/var/lib/spot-coordinator", "."].compactMap { $0 }
        return folders.map { $0 + name }
    }

    /// The folder that systemd gave the service for its state. An empty name is none: else it would be that of the root.
    package static func stateFolder(_ environment: [String: String]) -> String? {
        // systemd.exec(5): several folders are separated by colons; the unit has one.
        let folder = environment["STATE_DIRECTORY"]?.prefix { $0 != ":" } ?? ""
        return folder.isEmpty ? nil : String(folder)
    }

    /// How a program on this machine reaches it; nil when that is not known.
    var url: String? {
        guard problems.isEmpty, port != 0 else { return nil }
        let reached =
            switch host {
            case "0.0.0.0": "127.0.0.1"
            case "::": "::1"
            default: host
            }
        return "\(isTLS ? "https" : "http")://\(reached.contains(":") ? "[\(reached)]" : reached):\(port)"
    }
}
