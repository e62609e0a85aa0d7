import JSON
package import Wire

/// Finds the route of a request, by the table that both programs share. Every request is asked about, so a path is walked
/// once, down a tree of its segments, and only the values in it are copied.
///
/// The tree is numbers in three tables: all threads walk it at once, and to count references to its parts would cost more
/// than the walk.
package struct Router: Sendable {
    package enum Finding: Equatable, Sendable {
        /// The values stand in the path's order.
        case route(Route, values: [String])
        /// The same of a path that only old hosts know.
        case old(OldPath, values: [String])
        /// The path is known, under these methods only.
        case otherMethod(allowed: [String])
        case unknown
    }

    /// A place in the tree: what may follow, and what a path that ends here means. A number of 0 stands for nothing.
    private struct Node {
        /// The literal that leads here, in `letters`.
        var literal = 0..<0
        var nextLiteral = 0
        var firstLiteral = 0
        var parameter = 0
        var firstEnding = 0
    }

    private struct Ending {
        let method: Verb
        let route: Route
        var old: OldPath?
        /// Which segments of the path are values, from the lowest bit.
        let places: UInt64
        var next = 0
    }

    private enum Verb: String {
        case get = "GET"
        case head = "HEAD"
        case post = "POST"
        case put = "PUT"
        case delete = "DELETE"

        /// Compared one by one, which is quicker than what `init(rawValue:)` does.
        init?(_ method: String) {
            switch method {
            case "POST": self = .post
            case "GET": self = .get
            case "PUT": self = .put
            case "DELETE": self = .delete
            case "HEAD": self = .head
            default: return nil
            }
        }

        init(_ method: Method) {
            switch method {
            case .get: self = .get
            case .post: self = .post
            case .put: self = .put
            case .delete: self = .delete
            }
        }
    }

    private var letters: [UInt8] = []
    /// The first is the root, which is nobody's child.
    private var nodes = [Node()]
    /// The first is never looked at.
    private var endings: [Ending] = [Ending(method: .get, route: .service, places: 0)]

    /// Knows `routes` and `oldPaths` and no others: what has no handler is not there.
    package init(_ routes: [Route], _ oldPaths: [OldPath] = []) {
        for route in routes { add(route, nil, route.row.method, route.row.template) }
        for path in oldPaths { add(path.standsFor, path, path.method, path.template) }
    }

    private mutating func add(_ route: Route, _ old: OldPath?, _ method: Method, _ template: PathTemplate) {
        let segments = template.segments
        precondition(segments.count <= UInt64.bitWidth, "\(template) has too many segments")
        var places: UInt64 = 0
        for place in segments.indices { if case .parameter = segments[place] { places |= 1 << place } }
        let node = segments.reduce(0) { node, segment in child(of: node, segment) }
        add(Ending(method: Verb(method), route: route, old: old, places: places), to: node)
        // RFC 9110 §9.3.2: HEAD is GET without the body, which the server leaves out.
        if method == .get { add(Ending(method: .head, route: route, old: old, places: places), to: node) }
    }

    /// Of two templates that fit, the one with a literal where the other has a parameter is tried first. A path with an
    /// empty segment, such as one with a slash at its end, is nowhere in the table and unknown.
    package func find(method: String, path: String) -> Finding {
        guard path.utf8.first == slash else { return .unknown }
        var allowed: [String] = []
        let start = path == "/" ? 1 : 0
        if let ending = find(Verb(method), path.utf8.span, from: start, below: 0, &allowed) {
            let values = ending.places == 0 ? [] : values(at: ending.places, in: path)
            return ending.old.map { Finding.old($0, values: values) } ?? .route(ending.route, values: values)
        }
        return allowed.isEmpty ? .unknown : .otherMethod(allowed: allowed)
    }

    /// Goes as deep as the deepest template and no deeper, whatever the path.
    private func find(
        _ method: Verb?, _ path: Span<UInt8>, from start: Int, below node: Int, _ allowed: inout [String]
    ) -> Ending? {
        if start == path.count { return ending(method, of: node, &allowed) }
        let end = segmentEnd(path, after: start)
        guard end > start + 1 else { return nil }
        let segment = path.extracting(start + 1..<end)
        var literal = nodes[node].firstLiteral
        while literal != 0 {
            if letters.span.extracting(nodes[literal].literal).hasSameBytes(as: segment),
                let ending = find(method, path, from: end, below: literal, &allowed)
            {
                return ending
            }
            literal = nodes[literal].nextLiteral
        }
        let parameter = nodes[node].parameter
        return parameter == 0 ? nil : find(method, path, from: end, below: parameter, &allowed)
    }

    private func ending(_ method: Verb?, of node: Int, _ allowed: inout [String]) -> Ending? {
        var place = nodes[node].firstEnding
        while place != 0 {
            if endings[place].method == method { return endings[place] }
            place = endings[place].next
        }
        place = nodes[node].firstEnding
        while place != 0 {
            allowed.append(endings[place].method.rawValue)
            place = endings[place].next
        }
        return nil
    }

    // MARK: The tree is made

    private mutating func add(_ ending: Ending, to node: Int) {
        endings.append(ending)
        guard nodes[node].firstEnding != 0 else {
            nodes[node].firstEnding = endings.count - 1
            return
        }
        var last = nodes[node].firstEnding
        while endings[last].next != 0 { last = endings[last].next }
        endings[last].next = endings.count - 1
    }

    private mutating func child(of node: Int, _ segment: PathTemplate.Segment) -> Int {
        var new = Node()
        switch segment {
        case .literal(let text):
            var (last, known) = (0, nodes[node].firstLiteral)
            while known != 0 {
                if letters[nodes[known].literal].elementsEqual(text.utf8) { return known }
                (last, known) = (known, nodes[known].nextLiteral)
            }
            new.literal = letters.count..<letters.count + text.utf8.count
            letters += text.utf8
            // Behind the others: the table begins with what is called most.
            if last == 0 { nodes[node].firstLiteral = nodes.count } else { nodes[last].nextLiteral = nodes.count }
        case .parameter:
            if nodes[node].parameter != 0 { return nodes[node].parameter }
            nodes[node].parameter = nodes.count
        }
        nodes.append(new)
        return nodes.count - 1
    }
}

private let slash = UInt8(ascii: "/")

/// Where the segment ends whose slash is at `start`.
private func segmentEnd(_ path: Span<UInt8>, after start: Int) -> Int {
    var end = start + 1
    while end < path.count, path[end] != slash { end += 1 }
    return end
}

private func values(at places: UInt64, in path: String) -> [String] {
    var values: [String] = []
    values.reserveCapacity(places.nonzeroBitCount)
    var (left, start) = (places, 0)
    while left != 0 {
        let end = segmentEnd(path.utf8.span, after: start)
        if left & 1 == 1 {
            let first = path.utf8.index(path.startIndex, offsetBy: start + 1)
            values.append(String(path[first..<path.utf8.index(first, offsetBy: end - start - 1)]))
        }
        (left, start) = (left >> 1, end)
    }
    return values
}
