/// What may stand in a query, by the names that both ends use.
///
/// A list is asked for page by page: `limit` lines at most, and `after` is the `next` of the page before, handed back as
/// it came. A page without `next` is the last. The other parameters narrow the list down.
package enum QueryParameter: String, CaseIterable, Sendable {
    /// Where to go on: an `EventCursor`.
    case after
    /// How many lines, from 1; more than the list's own bound means that bound.
    case limit
    /// How many seconds to hold the request while there is nothing to tell, up to `Limits.waitSecondsMax`.
    case wait
    case client = "client_id"
    case agent = "agent_id"
    /// An `AgentStatus`.
    case status
    /// A `Role`, or `active` for every one but `terminated`.
    case role
    /// `open`, or a state of what is listed: a `CommandState`, an `Incident.State`. An open command is one that is
    /// `pending` or `delivered`.
    case state
    /// A `Mode`.
    case mode
    /// Part of a name.
    case search
    /// `text`, for a person instead of a program; or `json`. What has no text is JSON in any case.
    case format
    /// What `Authorization` else carries; for the live stream alone, because addresses are written down everywhere.
    case token
}

extension Route {
    /// What stands in the request line: the path with its places filled in order, then the query; all of it
    /// percent-encoded.
    package func target(_ values: [any PathValue], query: [(QueryParameter, String)]) -> String {
        let path = row.template.filled(with: values.map(\.description))
        guard !query.isEmpty else { return path }
        return path + "?" + query.map { "\($0.rawValue)=\(percentEncoded($1))" }.joined(separator: "&")
    }
}
