import CoordinatorAPI
import CoordinatorHeart
import JSON
import Platform
import TestSupport
import Testing
import Wire

@testable import HTTPServer

/// Paths, methods and queries that lead nowhere.
struct TargetTests {
    // MARK: Paths and methods

    @Test(arguments: ["/nothing", "/api/agents/", "/api/agents//config", "/api/admin/clients/a/b/c", "/health/"])
    func `an unknown path is not found, whatever the method and without a look at the token`(path: String) throws {
        try withCoordinator { site in
            for method in ["GET", "POST", "DELETE", "PATCH"] {
                for token in [nil, Site.adminToken, "wrong"] {
                    try expectRefusal(try site.ask(Ask(method, path, token: token)), 404, "NOT_FOUND", said: path)
                }
            }
        }
    }

    @Test(arguments: [
        ("PUT", "/health", "GET, HEAD"), ("GET", "/api/agents/a/heartbeat", "POST"),
        ("POST", "/api/agents/a/replicas/b", "PUT, DELETE"), ("BREW", "/api/admin/session", "POST, DELETE"),
    ])
    func `a wrong method is told which are right`(method: String, path: String, allowed: String) throws {
        try withCoordinator { site in
            let answer = try site.ask(Ask(method, path))
            try expectRefusal(answer, 405, "METHOD_NOT_ALLOWED", said: method)
            #expect(answer["allow"] == allowed)
        }
    }

    @Test func `HEAD answers as GET does, without a body`() throws {
        try withCoordinator { site in
            let answer = try site.ask(Ask("HEAD", "/health"))
            #expect(answer.status == 200)
            #expect(answer["content-type"] == "application/json")
            #expect(try site.ask(Ask("HEAD", "/api/admin/agents")).status == 401)
        }
    }

    @Test(arguments: [
        "None", "null", "undefined", "a%20b", "%C3%A4", "a'b", String(repeating: "x", count: 65), "i-0123456789abcdef0",
    ])
    func `what cannot be a name, or is nobody's, is not found`(name: String) throws {
        try withCoordinator { site in
            for ask in [
                Ask("GET", "/api/agents/\(name)"), Ask("GET", "/api/agents/\(name)/emergency-status"),
                Ask("GET", "/api/agents/\(name)/replicas"),
                Ask("GET", "/api/incidents/\(name)"), Ask("DELETE", "/api/admin/clients/\(name)"),
                Ask("GET", "/api/admin/clients/\(name)/token"),
                Ask("POST", "/api/admin/clients/\(name)/regenerate-token"),
                Ask("DELETE", "/api/client/agents/\(name)"), Ask("POST", "/api/client/agents/\(name)/settings"),
                Ask("POST", "/api/client/agents/\(name)/toggle-enabled"),
                Ask("DELETE", "/api/agents/a/replicas/\(name)"), Ask("POST", "/api/agents/a/replicas/\(name)/promote"),
                Ask("POST", "/api/client/instances/\(name)/force-switch", body: #"{"target":"ondemand"}"#),
                Ask("POST", "/api/admin/agents/\(name)/switch", body: #"{"target":"ondemand"}"#),
                Ask("POST", "/api/admin/agents/a/instances/\(name)/promote"),
            ] {
                var ask = ask
                ask.bear(Site.adminToken)
                let answer = try site.ask(ask)
                #expect(answer.verdict == "404 NOT_FOUND", "\(ask.method) \(ask.target): \(answer.text)")
            }
        }
    }

    @Test(arguments: ["%00", "a%0Ab", "%7f", "%ff", "%c3%28", "a%2fb", "%zz", "..", "%2e%2e"])
    func `a path that means nothing, or two things, is refused`(name: String) throws {
        try withCoordinator { site in
            let ask = Ask("GET", "/api/agents/\(name)", token: Site.adminToken).with("X-Request-ID", "mine")
            let answer = try site.ask(ask)
            try expectRefusal(answer, 400, "VALIDATION_ERROR")
            #expect(answer.error?.request == "mine")
        }
    }

    // MARK: Queries

    @Test(arguments: [
        (Route.agents, "status=asleep", "status"), (.agents, "client_id=a%20b", "client_id"),
        (.agents, "limit=0", "limit"), (.agents, "limit=-1", "limit"), (.agents, "limit=ten", "limit"),
        (.instances, "role=king", "role"), (.instances, "mode=cheap", "mode"), (.instances, "status=gone", "status"),
        (.commands, "state=lost", "state"), (.commands, "agent_id=a%20b", "agent_id"),
        (.incidents, "state=lost", "state"), (.events, "wait=soon", "wait"), (.events, "wait=-1", "wait"),
        (.events, "after=a%20b", "after"),
        // A cursor of nobody, and of another list.
        (.agents, "after=x", "cursor"), (.agents, "after=e1-1", "cursor"), (.agents, "after=a1-nobody", "cursor"),
        (.instances, "after=i1-x", "cursor"), (.instances, "after=e1-1", "cursor"), (.commands, "after=n1-x", "cursor"),
        (.incidents, "after=c1-x", "cursor"), (.events, "after=e2-zzz", "cursor"), (.events, "after=e2-0--1", "cursor"),
        (.events, "after=e2-zzz&wait=5", "cursor"),
    ])
    func `a word in a query that has no meaning there is refused, and named`(
        route: Route, query: String, named: String
    ) throws {
        try withCoordinator { site in
            let answer = try site.ask(Ask(route, query: "?\(query)", token: Site.adminToken))
            try expectRefusal(answer, 400, "VALIDATION_ERROR", said: named)
        }
    }

    @Test(arguments: ["after=e1-1", "after=e2-1-1", "after=e2-1-1&wait=5"])
    func `a place in another log is gone`(query: String) throws {
        try withCoordinator { site in
            let answer = try site.ask(Ask(.events, query: "?\(query)", token: Site.adminToken))
            try expectRefusal(answer, 410, "GONE", said: "restored")
        }
    }

    @Test(arguments: ["limit=9999999", "status=all", "status=&client_id=", "unheard=of", "limit=1&limit=x"])
    func `what pages of the original add to a query does no harm`(query: String) throws {
        try withCoordinator { site in
            let _ = try site.ask(Ask(.agents, query: "?\(query)", token: Site.adminToken)).read(AgentList.self)
        }
    }

    @Test(arguments: ["status=ready", "status=lost"])
    func `replicas are asked for by a word of theirs`(query: String) throws {
        try withCoordinator { site in
            let host = try site.register(try site.makeClient())
            let answer = try site.ask(host.ask(.replicas, query: "?\(query)"))
            #expect(answer.verdict == (query == "status=ready" ? "200" : "400 VALIDATION_ERROR"))
        }
    }

    @Test(arguments: ["wait=x", "wait=-1", "wait=1.5", "wait=99999999999999999999"])
    func `a heartbeat's wait is whole seconds`(query: String) throws {
        try withCoordinator { site in
            let host = try site.register(try site.makeClient())
            let answer = try site.ask(host.ask(.heartbeat, query: "?\(query)", host.heartbeat))
            try expectRefusal(answer, 400, "VALIDATION_ERROR", said: "wait")
        }
    }
}
