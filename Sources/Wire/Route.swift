package import JSON

/// Every path of the native interface. What it means, who may call it and what it carries stands in `row`; the
/// coordinator routes by it, the agent builds its paths from it.
package enum Route: Int, CaseIterable, Sendable {
    // For anyone who wants to know whether we are here
    case service, health, apiHealth, ping, time, metrics
    // A host's life
    case validateClient, register, heartbeat, configuration, commandResult
    // Reports
    case pricingReport, switchReport, terminationReport, cleanupReport
    // Interruptions
    case terminationImminent, rebalanceRecommendation, emergencyStatus, instancesToTerminate
    // Replicas
    case replicas, createReplica, launchReplica, replicaStatus, promoteReplica, deleteReplica
    // Incidents
    case incidents, incident
    // What an operator looks at
    case agent, readiness, agents, fleetReadiness, instances, commands, events
    // Administration
    case openSession, closeSession
    case clients, createClient, deleteClient, regenerateToken, showToken
    case toggleEnabled, changeSettings, deleteSlot, forceSwitch, switchSlot, promoteInstance
    // The log as it grows
    case eventStream, clientEventStream, streamStats
    // What a person should know of
    case notifications, markAllRead, markRead
}

/// The methods that routes have.
package enum Method: String, Sendable { case get = "GET", post = "POST", put = "PUT", delete = "DELETE" }

/// What may stand in a path: an identifier, so that nobody builds a path from unchecked text.
package protocol PathValue: CustomStringConvertible {}
extension Identifier: PathValue {}

/// The credential that a route asks for.
package enum Caller: Sendable {
    /// None.
    case anyone
    /// A client's token: it enrols, and that is all.
    case client
    /// The token of the agent whose slot stands in the path.
    case agent
    /// The administrator's token, or the browser session made from it.
    case admin
    /// The administrator, or a client's token, which is shown what is its own.
    case clientOrAdmin
    /// The administrator, or the agent whose slot stands in the path or in the query, or whose slot's incident it is.
    case agentOrAdmin
}

extension Route {
    /// One line of the table.
    package struct Row: Sendable {
        package let method: Method
        package let template: PathTemplate
        package let caller: Caller
        /// What the body is read as; nil when the route takes none.
        package let takes: (any WireObject.Type)?
        /// The longest body, in bytes.
        package let bodyBytes: Int
        /// What the reply is read as; nil for text, and for lists made for dashboards.
        package let gives: (any WireObject.Type)?
        package let meaning: String
    }

    package var row: Row { Self.table[self] }
    /// The row's, without a copy of the rest: every request asks.
    package var caller: Caller { Self.table.caller(of: self) }
    package var bodyBytes: Int { Self.table.bodyBytes(of: self) }
    /// Whether a token may stand in its query: a browser cannot send a header with what it keeps open.
    package var takesTokenInQuery: Bool { self == .eventStream || self == .clientEventStream }

    /// The path with its places filled in order, percent-encoded.
    package func path(_ values: any PathValue...) -> String {
        row.template.filled(with: values.map(\.description))
    }

    /// Reads a body under this route's own limit, with its duplicate keys refused; nil when the route takes none.
    package func read(_ body: [UInt8]) throws(JSONError) -> (any WireObject)? {
        guard let type = row.takes else { return nil }
        return try Self.read(type, body, JSONLimits(bytes: row.bodyBytes))
    }

    private static func read<Body: WireObject>(
        _ type: Body.Type, _ body: [UInt8], _ limits: JSONLimits
    ) throws(JSONError) -> any WireObject {
        try decodeJSON(type, from: body, limits: limits)
    }
}
