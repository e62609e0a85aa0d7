import Testing

@testable import HTTPServer

extension Everything {
    @Suite struct ValueTests {
        @Test(arguments: [
            ("/", "/"), ("/agents/a-1", "/agents/a-1"), ("/a%20b", "/a b"), ("/%C3%A4", "/ä"), ("/a.b/..c", "/a.b/..c"),
            ("/a?x=1", "/a"), ("http://host:1/a/b?c=d", "/a/b"), ("*", "*"), ("//a", "//a"),
        ])
        func `a target has one decoded path`(target: String, path: String) {
            #expect(RequestTarget(target)?.path == path)
        }

        @Test(arguments: [
            "", "a", "/%", "/%4", "/%zz", "/%00", "/%0a", "/a%2Fb", "/a%2fb", "/..", "/a/../b", "/%2e%2e/a", "/./a",
            "/%ff",
            "http://host", "ftp://host/a", "/a?%", "/a?x=%00", "/a?x=%ff", "/\u{7f}", "/a b", "/a ", "/a?b c",
        ])
        func `a target that is broken or means two things is refused`(target: String) {
            #expect(RequestTarget(target) == nil)
        }

        @Test func `query parameters are decoded in order`() {
            let query = RequestTarget("/a?x=1&y=a+b%26c&empty=&alone&x=2&&=v")?.query.map { [$0.name, $0.value] }
            #expect(query == [["x", "1"], ["y", "a b&c"], ["empty", ""], ["alone", ""], ["x", "2"], ["", "v"]])
        }

        @Test(arguments: [
            ("", "x"), ("a b", "x"), ("a:", "x"), ("ä", "x"), ("X-A", "a\r\nSet-Cookie: b"), ("X-A", "a\nb"),
            ("X-A", "a\0b"),
            ("X-A", "a\u{7f}"), ("Content-Length", "1"), ("transfer-encoding", "chunked"), ("Connection", "close"),
            ("Date", "now"),
        ])
        func `what could break the answer's header is no header field`(name: String, value: String) {
            #expect(HeaderField(name, value) == nil)
        }

        @Test(arguments: [("X-A", ""), ("Location", "/a?b=c"), ("x!#$%&'*+-.^_`|~9", "tab\tand ä")])
        func `ordinary fields are header fields`(name: String, value: String) {
            #expect(HeaderField(name, value)?.value == value)
        }

        @Test(arguments: [
            ([:], BodyFraming.none), (["Content-Length": "0"], .none), (["content-length": "17"], .length(17)),
            (["Transfer-Encoding": "Chunked"], .chunked),
        ])
        func `the length of a body is found in one way`(fields: [String: String], framing: BodyFraming) {
            #expect(BodyFraming(makeHeaders(fields.map { ($0, $1) }), isHTTP11: true) == framing)
        }

        @Test(arguments: [
            [("Content-Length", "1"), ("Content-Length", "1")],
            [("Content-Length", "1"), ("Transfer-Encoding", "chunked")],
            [("Content-Length", "+1")], [("Content-Length", "-1")], [("Content-Length", "1, 1")],
            [("Content-Length", "")],
            [("Content-Length", "99999999999999999999")], [("Transfer-Encoding", "gzip")],
            [("Transfer-Encoding", "gzip, chunked")],
            [("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "chunked")],
        ])
        func `a length that two servers could read differently is refused`(fields: [(String, String)]) {
            #expect(BodyFraming(makeHeaders(fields), isHTTP11: true) == nil)
        }

        @Test func `chunks are not for HTTP 1_0`() {
            #expect(BodyFraming(makeHeaders([("Transfer-Encoding", "chunked")]), isHTTP11: false) == nil)
        }

        @Test func `header fields are found in any case and in order`() {
            let headers = makeHeaders([("X-One", "1"), ("x-two", "2"), ("X-ONE", "3")])
            #expect(headers[name: "x-one"] == "1")
            #expect(headers.all("X-oNe") == ["1", "3"])
            #expect(headers[name: "x-on"] == nil)
            #expect(headers.all.map(\.name) == ["X-One", "x-two", "X-ONE"])
            #expect(headers.count == 3)
        }

        @Test func `the value of a field is given as the bytes it came in`() {
            let headers = makeHeaders([
                ("A", "x"), ("Authorization", "Bearer t"), ("authorization", "2"), ("Empty", ""),
            ])
            #expect(headers.withValue(of: "authorization", makeArray) == Array("Bearer t".utf8))
            #expect(headers.withValue(of: "empty", makeArray) == [])
            #expect(headers.withValue(of: "b", makeArray) == nil)
        }

        private func makeArray(_ bytes: Span<UInt8>) -> [UInt8] { bytes.indices.map { bytes[$0] } }

        @Test func `connections leave descriptors for the rest of the program`() throws {
            #expect(try Listener.connectionLimit(wanted: 10_000, descriptors: 1_024, workers: 2) == 952)
            #expect(try Listener.connectionLimit(wanted: 100, descriptors: 1_024, workers: 2) == 100)
        }

        private func makeHeaders(_ fields: [(String, String)]) -> HeaderFields {
            var headers = HeaderFields()
            for (name, value) in fields {
                unsafe Array(name.utf8).withUnsafeBufferPointer { name in
                    unsafe Array(value.utf8).withUnsafeBufferPointer { unsafe headers.append(name: name, value: $0) }
                }
            }
            return headers
        }
    }
}
