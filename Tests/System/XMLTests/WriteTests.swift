import Testing
import XML

struct WriteTests {
    @Test func `a document is written with its elements in order`() {
        var writer = XMLWriter()
        writer.element("Response", attributes: [("xmlns", "urn:x")]) { response in
            response.element("requestId", "1")
            response.element("set") { $0.element("item", "") }
        }
        #expect(
            String(decoding: writer.bytes, as: UTF8.self) == """
                <?xml version="1.0" encoding="UTF-8"?>
                <Response xmlns="urn:x"><requestId>1</requestId><set><item></item></set></Response>
                """)
    }

    @Test(arguments: ["plain", "<a href=\"x\">&amp;'</a>", "]]>", " \t\r\n ", "naïve 🚀", ""])
    func `what is written is read back as it was`(_ value: String) throws {
        var writer = XMLWriter()
        writer.element("root", attributes: [("id", value)]) { $0.element("leaf", value) }
        let root = try XMLElement.parse(writer.bytes)
        #expect(root.attribute("id") == value)
        #expect(root["leaf"]?.text == value)
    }

    @Test func `what XML cannot hold is replaced, not sent`() throws {
        var writer = XMLWriter()
        writer.element("root") { $0.element("leaf", "a\0b\u{1B}c\u{FFFF}") }
        #expect(try XMLElement.parse(writer.bytes)["leaf"]?.text == "a\u{FFFD}b\u{FFFD}c\u{FFFD}")
    }
}
