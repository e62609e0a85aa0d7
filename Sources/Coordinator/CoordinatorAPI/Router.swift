package import Wire

/// Finds the route of a request, by the table that both programs share. Every request is asked about, so a path is walked
/// once, down a tree of its segments, and only the values in it are copied.
package struct Router: Sendable {
    package enum Finding: Equatable, Sendable {
        /// The values stand in the path's order.
        case route(Route, values: [String])
        /// The path is known, under these methods only.
        case otherMethod(allowed: [String])
        case unknown
    }

    /// A place in the tree: what may follow, and what a path that ends here means.
    private struct Node {
        var literals: [(text: [UInt8], node: Int)] = []
        var parameter: Int?
        var endings: [Ending] = []
    }

    private struct Ending {
        let method: String
        let route: Route
        /// Which segments of the path are values.
        let places: [Int]
    }

    /// The first is the root.
    private var nodes = [Node()]

    /// Knows `routes` and no others: what has no handler is not there.
    package init(_ routes: [Route]) {
        for route in routes {
            let row = route.row
            let segments = row.template.segments
            let places = segments.indices.filter { if case .parameter = segments[$0] { true } else { false } }
            let node = segments.reduce(0) { node, segment in child(of: node, segment) }
            nodes[node].endings.append(Ending(method: row.method.rawValue, route: route, places: places))
            // RFC 9110 §9.3.2: HEAD is GET without the body, which the server leaves out.
            if row.method == .get { nodes[node].endings.append(Ending(method: "HEAD", route: route, places: places)) }
        }
    }

    /// Of two templates that fit, the one with a literal where the other has a parameter is tried first. A path with an
    /// empty segment, such as one with a slash at its end, is nowhere in the table and unknown.
    package func find(method: String, path: String) -> Finding {
        guard path.utf8.first == slash else { return .unknown }
        var allowed: [String] = []
        let start = path == "/" ? 1 : 0
        if let ending = find(method, path.utf8.span, from: start, below: 0, &allowed) {
            return .route(ending.route, values: values(at: ending.places, in: path))
        }
        return allowed.isEmpty ? .unknown : .otherMethod(allowed: allowed)
    }

    /// Goes as deep as the deepest template and no deeper, whatever the path.
    private func find(
        _ method: String, _ path: Span<UInt8>, from start: Int, below node: Int, _ allowed: inout [String]
    ) -> Ending? {
        if start == path.count {
            for ending in nodes[node].endings where ending.method == method { return ending }
            allowed += nodes[node].endings.map(\.method)
            return nil
        }
        var end = start + 1
        while end < path.count, path[end] != slash { end += 1 }
        guard end > start + 1 else { return nil }
        let segment = path.extracting(start + 1..<end)
        for literal in nodes[node].literals where areEqual(segment, literal.text.span) {
            if let ending = find(method, path, from: end, below: literal.node, &allowed) { return ending }
        }
        guard let parameter = nodes[node].parameter else { return nil }
        return find(method, path, from: end, below: parameter, &allowed)
    }

    private mutating func child(of node: Int, _ segment: PathTemplate.Segment) -> Int {
        switch segment {
        case .literal(let text):
            let text = Array(text.utf8)
            if let known = nodes[node].literals.first(where: { $0.text == text }) { return known.node }
            nodes[node].literals.append((text, nodes.count))
        case .parameter:
            if let known = nodes[node].parameter { return known }
            nodes[node].parameter = nodes.count
        }
        nodes.append(Node())
        return nodes.count - 1
    }
}

private let slash = UInt8(ascii: "/")

private func areEqual(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
    guard left.count == right.count else { return false }
    for at in left.indices where left[at] != right[at] { return false }
    return true
}

private func values(at places: [Int], in path: String) -> [String] {
    guard let last = places.last else { return [] }
    var values: [String] = []
    values.reserveCapacity(places.count)
    var rest = path[...].utf8
    for place in 0...last {
        let segment = rest.dropFirst().prefix { $0 != slash }
        if places.contains(place) { values.append(String(Substring(segment))) }
        rest = rest[segment.endIndex...]
    }
    return values
}
