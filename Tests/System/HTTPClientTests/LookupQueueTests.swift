import Testing

@testable import HTTPClient

@Suite struct LookupQueueTests {
    @Test func `calls for one name share one lookup`() {
        var queue = LookupQueue(limit: 2)
        let first = queue.wait(1, for: "a")
        let second = queue.wait(2, for: "a")
        #expect(first && !second)
        let (released, next) = queue.finish("a")
        #expect(released == [1, 2] && next == nil)
        let third = queue.wait(3, for: "a")
        #expect(third, "a lookup that ended is not awaited")
    }

    @Test func `no more than the limit run, the others follow in their order`() {
        var queue = LookupQueue(limit: 2)
        let started = ["a", "b", "c", "d", "c"].enumerated().map { queue.wait(UInt64($0), for: $1) }
        #expect(started == [true, true, false, false, false])
        let (ends, starts) = ["b", "c", "a", "d"].reduce(into: ([[UInt64]](), [String?]())) { all, name in
            let (released, next) = queue.finish(name)
            all.0.append(released)
            all.1.append(next)
        }
        #expect(ends == [[1], [2, 4], [0], [3]])
        #expect(starts == ["c", "d", nil, nil])
    }

    @Test func `a name that nobody waits for any more is not looked up`() {
        var queue = LookupQueue(limit: 1)
        for (call, name) in ["a", "b", "c", "b"].enumerated() { _ = queue.wait(UInt64(call), for: name) }
        queue.forget(1, for: "b")
        queue.forget(3, for: "b")
        queue.forget(9, for: "z")
        let (released, next) = queue.finish("a")
        #expect(released == [0] && next == "c")
    }

    @Test func `a running lookup goes on without anyone waiting`() {
        var queue = LookupQueue(limit: 1)
        _ = queue.wait(1, for: "a")
        queue.forget(1, for: "a")
        let second = queue.wait(2, for: "b")
        #expect(!second, "its thread still counts")
        let (released, next) = queue.finish("a")
        #expect(released.isEmpty && next == "b")
    }
}
