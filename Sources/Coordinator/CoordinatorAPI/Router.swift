package import Wire

/// Finds the route of a request, by the table that both programs share.
package struct Router: Sendable {
    package enum Finding: Equatable, Sendable {
        /// The values stand in the path's order.
        case route(Route, values: [String])
        /// The path is known, under these methods only.
        case otherMethod(allowed: [String])
        case unknown
    }

    private let routes: [Route]

    /// Knows `routes` and no others: what has no handler is not there.
    package init(_ routes: [Route]) { self.routes = routes }

    package func find(method: String, path: String) -> Finding {
        let parts = path.split(separator: "/")
        var allowed: [String] = []
        for route in routes {
            guard let values = route.row.template.segments.values(in: parts) else { continue }
            // RFC 9110 §9.3.2: HEAD is GET without the body, which the server leaves out.
            if route.row.method.rawValue == method || (route.row.method == .get && method == "HEAD") {
                return .route(route, values: values)
            }
            allowed.append(route.row.method.rawValue)
        }
        return allowed.isEmpty ? .unknown : .otherMethod(allowed: allowed)
    }
}

extension [PathTemplate.Segment] {
    /// What stands in the template's places, or nil when the path is another one.
    fileprivate func values(in parts: [Substring]) -> [String]? {
        guard parts.count == count else { return nil }
        var values: [String] = []
        for (segment, part) in zip(self, parts) {
            switch segment {
            case .literal(let text): guard part == text else { return nil }
            case .parameter: values.append(String(part))
            }
        }
        return values
    }
}
