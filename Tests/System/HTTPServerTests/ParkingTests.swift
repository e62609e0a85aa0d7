import Platform
import Synchronization
import TestSupport
import Testing

@testable import HTTPServer

extension Everything {
    @Suite struct ParkingTests {
        private let question = "GET /wait HTTP/1.1\r\nHost: h\r\n\r\n"

        @Test func `a parked request is answered from another thread`() throws {
            let parking = Parking()
            try withListener(handler: parking.park) { listener in
                let client = try TestClient(port: listener.port)
                for round in 1...20 {
                    try client.send(question)
                    let exchange = try #require(try parking.wait(for: round).last)
                    #expect(exchange.answer(Response(status: 200, text: "round \(round)")))
                    #expect(try client.response().text == "round \(round)")
                    #expect(!exchange.answer(fallback))
                }
                #expect(listener.counters.parked == 0)
            }
        }

        @Test(arguments: [true, false])
        func `a request that is dropped is not answered, and its connection is closed`(isParked: Bool) throws {
            let parking = Parking()
            let handler: @Sendable (Request, Exchange) -> Void = { request, exchange in
                if isParked { parking.park(request, exchange) } else { exchange.drop() }
            }
            try withListener(handler: handler) { listener in
                let client = try TestClient(port: listener.port)
                try client.send(question)
                if isParked {
                    let exchange = try #require(try parking.wait(for: 1).first)
                    #expect(exchange.drop())
                    #expect(!exchange.answer(fallback))
                }
                #expect(try client.isClosedSilently())
                #expect(listener.counters.parked == 0 && listener.counters.unanswered == 0)
            }
        }

        @Test func `at its deadline a parked request gets its fallback`() throws {
            try withListener(handler: { _, exchange in exchange.park(for: .milliseconds(80)) { fallback } }) {
                listener in
                let client = try TestClient(port: listener.port)
                let begin = SystemSurroundings().monotonic()
                try client.send(question)
                #expect(try client.response().text == "nothing new")
                #expect(SystemSurroundings().monotonic() - begin >= .milliseconds(80))
                #expect(listener.counters.parked == 0)
            }
        }

        enum Occasion: CaseIterable { case deadline, cap, stop }

        @Test(arguments: Occasion.allCases)
        func `a fallback is made when it is needed, and once`(occasion: Occasion) throws {
            let made = Atomic(0)
            let madeBefore = Awaited<Int>("the count after parking")
            let listener = try makeListener({ $0.limits.parked = occasion == .cap ? 0 : 10 }) { _, exchange in
                exchange.park(for: occasion == .deadline ? .milliseconds(80) : .seconds(60)) {
                    Response(status: 200, text: "made \(made.add(1, ordering: .relaxed).newValue)")
                }
                madeBefore.set(made.load(ordering: .relaxed))
            }
            defer { listener.stop(within: .seconds(5)) }
            let client = try TestClient(port: listener.port)
            try client.send(question)
            #expect(try madeBefore.get() == (occasion == .cap ? 1 : 0))
            if occasion == .stop { listener.stop(within: .seconds(5)) }
            #expect(try client.response().text == "made 1")
            #expect(made.load(ordering: .relaxed) == 1)
        }

        @Test func `who is answered needs no fallback`() throws {
            let made = Atomic(0)
            let unwanted: @Sendable () -> Response = {
                made.add(1, ordering: .relaxed)
                return fallback
            }
            try withListener(handler: { _, exchange in
                exchange.park(for: .seconds(60), otherwise: unwanted)
                exchange.answer(Response(status: 200, text: "answered"))
                exchange.park(for: .seconds(60), otherwise: unwanted)
            }) { listener in
                let client = try TestClient(port: listener.port)
                try client.send(question)
                #expect(try client.response().text == "answered")
            }
            #expect(made.load(ordering: .relaxed) == 0)
        }

        @Test func `an answer that comes while the fallback is made wins`() throws {
            try withListener(handler: { _, exchange in
                exchange.park(for: .milliseconds(20)) {
                    exchange.answer(Response(status: 200, text: "better"))
                    return fallback
                }
            }) { listener in
                let client = try TestClient(port: listener.port)
                try client.send(question)
                #expect(try client.response().text == "better")
            }
        }

        @Test func `nobody parks longer than the listener allows`() throws {
            try withListener({ $0.limits.parkTime = .milliseconds(50) }, handler: Parking().park) { listener in
                let client = try TestClient(port: listener.port)
                try client.send(question)
                #expect(try client.response(within: .seconds(5)).text == "nothing new")
            }
        }

        @Test func `beyond the cap the fallback is given at once`() throws {
            let parking = Parking()
            try withListener({ $0.limits.parked = 2 }, handler: parking.park) { listener in
                let clients = try (0..<3).map { _ in try TestClient(port: listener.port) }
                for (index, client) in clients.enumerated() {
                    try client.send(question)
                    _ = try parking.wait(for: index + 1)
                }
                #expect(try clients[2].response().text == "nothing new")
                #expect(listener.counters.parked == 2)
                #expect(listener.counters.notParked == 1)
            }
        }

        @Test func `an answer before the handler returns needs no waking`() throws {
            try withListener(handler: { _, exchange in
                exchange.park(for: .seconds(60)) { fallback }
                exchange.answer(Response(status: 200, text: "at once"))
            }) { listener in
                let client = try TestClient(port: listener.port)
                try client.send(question)
                #expect(try client.response().text == "at once")
            }
        }

        @Test func `of many threads that answer one wins`() throws {
            let parking = Parking()
            try withListener(handler: parking.park) { listener in
                let client = try TestClient(port: listener.port)
                for round in 1...100 {
                    try client.send(question)
                    let exchange = try #require(try parking.wait(for: round).last)
                    let wins = Atomic(0)
                    let threads = try (0..<4).map { number in
                        try DedicatedThread(name: "answerer") {
                            if exchange.answer(Response(status: 200, text: "\(number)")) {
                                wins.add(1, ordering: .relaxed)
                            }
                        }
                    }
                    for thread in threads { thread.join() }
                    #expect(wins.load(ordering: .relaxed) == 1)
                    #expect(try client.response().text.count == 1)
                }
            }
        }

        @Test func `5,000 parked requests on 2 workers are each woken exactly once, under 8 KB each`() throws {
            try allowDescriptors(20_000)
            let parking = Parking()
            try withListener(handler: { request, exchange in parking.park(request, exchange) }) { listener in
                let before = try residentMemory()
                let clients = try (0..<5_000).map { number in
                    let client = try TestClient(port: listener.port)
                    try client.send("GET /\(number) HTTP/1.1\r\nHost: h\r\n\r\n")
                    return client
                }
                let exchanges = try parking.wait(for: 5_000)
                #expect(listener.counters.parked == 5_000)
                // Includes what this test keeps for its own end of each connection.
                #expect(try isSanitized || (residentMemory() - before) / 5_000 < 8_192)
                let wins = exchanges.filter { $0.answer(Response(status: 200, body: Array($0.arrival.target.utf8))) }
                    .count
                #expect(wins == 5_000)
                #expect(exchanges.filter { $0.answer(fallback) }.isEmpty)
                for (number, client) in clients.enumerated() { #expect(try client.response().text == "/\(number)") }
                // A second answer would come before the answer to this.
                let again = clients[17]
                try again.send("GET /again HTTP/1.1\r\nHost: h\r\n\r\n")
                #expect(try parking.wait(for: 5_001).last?.answer(Response(status: 200, text: "again")) == true)
                #expect(try again.response().text == "again")
            }
        }

        @Test func `200 clients that vanish while parked leave no descriptor after the cap`() throws {
            let parking = Parking()
            try withListener({ $0.limits.parkTime = .milliseconds(500) }, handler: parking.park) { listener in
                let before = try openDescriptorCount()
                var clients = try (0..<200).map { _ in try TestClient(port: listener.port) }
                for client in clients { try client.send(question) }
                _ = try parking.wait(for: 200)
                #expect(try openDescriptorCount() >= before + 400)
                clients = []
                try eventually("every connection is closed") { listener.counters.open == 0 }
                #expect(try openDescriptorCount() <= before)
            }
        }
    }
}
