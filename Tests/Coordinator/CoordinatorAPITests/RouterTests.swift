import CoordinatorAPI
import Testing
import Wire

struct RouterTests {
    private let router = Router(Route.allCases)

    /// The route's path with its places filled by `value-0`, `value-1`, and these values.
    private func fill(_ route: Route) -> (path: String, values: [String]) {
        var values: [String] = []
        let parts = route.row.template.segments.map { segment in
            switch segment {
            case .literal(let text): return text
            case .parameter:
                values.append("value-\(values.count)")
                return values[values.count - 1]
            }
        }
        return ("/" + parts.joined(separator: "/"), values)
    }

    @Test(arguments: Route.allCases)
    func `every route is found, with its values in order`(route: Route) {
        let (path, values) = fill(route)
        let method = route.row.method.rawValue
        #expect(router.find(method: method, path: path) == .route(route, values: values))
    }

    @Test(arguments: Route.allCases)
    func `HEAD is found where GET is, and nowhere else`(route: Route) {
        let path = fill(route).path
        let head = router.find(method: "HEAD", path: path)
        switch router.find(method: "GET", path: path) {
        case .route(let route, let values): #expect(head == .route(route, values: values))
        case let other: #expect(head == other)
        }
    }

    @Test(arguments: [
        ("PATCH", "/health", ["GET", "HEAD"]), ("OPTIONS", "/", ["GET", "HEAD"]), ("get", "/time", ["GET", "HEAD"]),
        ("GET", "/api/agents/a-1/heartbeat", ["POST"]), ("", "/api/agents/a-1/replicas", ["GET", "HEAD", "POST"]),
        ("POST", "/api/agents/a-1/replicas/r-1", ["PUT", "DELETE"]),
        ("GET", "/api/admin/session", ["POST", "DELETE"]),
        // A path that fits two templates.
        ("PUT", "/api/admin/clients/create", ["POST", "DELETE"]),
        ("DELETE", "/api/agents/register", ["POST", "GET", "HEAD"]),
    ])
    func `another method is told all that the path takes`(method: String, path: String, allowed: [String]) {
        #expect(router.find(method: method, path: path) == .otherMethod(allowed: allowed))
    }

    @Test(
        arguments: [
            ("POST", "/api/admin/clients/create", .route(.createClient, values: [])),
            ("DELETE", "/api/admin/clients/create", .route(.deleteClient, values: ["create"])),
            ("POST", "/api/agents/register", .route(.register, values: [])),
            ("GET", "/api/agents/register", .route(.agent, values: ["register"])),
            ("POST", "/api/agents/register/heartbeat", .route(.heartbeat, values: ["register"])),
        ] as [(String, String, Router.Finding)])
    func `a literal is preferred to a value, and given up where it leads nowhere`(
        method: String, path: String, finding: Router.Finding
    ) {
        #expect(router.find(method: method, path: path) == finding)
    }

    @Test(arguments: [
        "", "*", "health", "//", "//health", "/health/", "/api//health", "/api/agents/", "/api/agents//config",
        "/api/agents/a/config/", "/api", "/api/agents/a/heartbeat/more", "/Health", "/healthy", "/heal",
        "/api/agentsx/a",
        "/nothing", "/api/agents/a/nothing",
    ])
    func `a path that is not in the table, to the letter, is unknown`(path: String) {
        for method in ["GET", "POST"] { #expect(router.find(method: method, path: path) == .unknown) }
    }

    @Test func `values are taken as they are`() {
        let path = "/api/agents/ä b~%/commands/☃/executed"
        #expect(router.find(method: "POST", path: path) == .route(.commandResult, values: ["ä b~%", "☃"]))
    }

    @Test func `a router knows what it was given and nothing else`() {
        let router = Router([.health, .heartbeat])
        #expect(router.find(method: "GET", path: "/health") == .route(.health, values: []))
        #expect(router.find(method: "GET", path: "/") == .unknown)
        #expect(router.find(method: "GET", path: "/api/agents/a/config") == .unknown)
    }
}
