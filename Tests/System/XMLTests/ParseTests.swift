import Testing
import XML

struct ParseTests {
    private let answer = """
        <?xml version="1.0" encoding="UTF-8"?>
        <DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
            <requestId>8f7724cf-496f-496e-8fe3-example</requestId>
            <reservationSet>
                <item>
                    <instancesSet>
                        <item><instanceId>i-1</instanceId><reason/></item>
                        <item><instanceId>i-2</instanceId><name>a &lt;b&gt; &amp; &#x1F680; <![CDATA[<raw>]]></name></item>
                    </instancesSet>
                </item>
            </reservationSet>
        </DescribeInstancesResponse>
        """

    @Test func `an EC2 answer becomes a tree that is asked by name`() throws {
        let root = try parse(answer)
        #expect(root.name == "DescribeInstancesResponse")
        #expect(root["requestId"]?.text == "8f7724cf-496f-496e-8fe3-example")
        let instances = root.first("reservationSet", "item", "instancesSet")?.children(named: "item") ?? []
        #expect(instances.map { $0["instanceId"]?.text } == ["i-1", "i-2"])
        #expect(instances[0]["reason"]?.text == "")
        #expect(instances[1]["name"]?.text == "a <b> & 🚀 <raw>")
        #expect(root["nothing"] == nil)
        #expect(root.first("reservationSet", "nothing", "item") == nil)
    }

    @Test func `layout between elements is no text, and white space in a leaf is`() throws {
        let root = try parse("<a> \n <b>  x </b>\t</a>")
        #expect(root.text == "")
        #expect(root["b"]?.text == "  x ")
        #expect(try parse("<a>one<b/>two</a>").text == "onetwo")
    }

    @Test func `prefixes and namespace declarations are dropped`() throws {
        let root = try parse(#"<s:a xmlns:s="urn:x" xmlns="urn:y" s:id="7" kind="k"><s:b>1</s:b></s:a>"#)
        #expect(root.name == "a")
        #expect(root.attributes.count == 2)
        #expect(root.attribute("id") == "7" && root.attribute("kind") == "k")
        #expect(root["b"]?.text == "1")
    }

    @Test func `every beginning of a document is refused, the whole is not`() throws {
        let bytes = Array(answer.utf8)
        for length in 0..<bytes.count {
            #expect(throws: XMLError.self) { try XMLElement.parse(Array(bytes.prefix(length))) }
        }
        #expect(try XMLElement.parse(bytes).children.count == 2)
    }

    @Test func `no single altered byte does more than change or refuse the document`() {
        var bytes = Array(answer.utf8)
        var outcomes: Set<String> = []
        for index in bytes.indices {
            let original = bytes[index]
            for altered in [0, UInt8(ascii: "<"), UInt8(ascii: "&"), 0xFF] {
                bytes[index] = altered
                outcomes.insert((try? XMLElement.parse(bytes)) == nil ? "refused" : "parsed")
            }
            bytes[index] = original
        }
        #expect(outcomes == ["refused", "parsed"])
    }

    @Test(arguments: [
        ("", 1, 1), ("<a>\n  <b></a>", 2, 8), ("<a>&unknown;</a>", 1, 4), ("<a/><b/>", 1, 5),
        ("<a b='1' b='2'/>", 1, 10),
        ("<a>\u{0}</a>", 1, 4), ("plain", 1, 1),
    ])
    func `what is not well-formed is refused with its place`(_ text: String, _ line: Int, _ column: Int) {
        let error = #expect(throws: XMLError.self) { try parse(text) }
        #expect(error?.code == .malformed)
        #expect(error?.line == line && error?.column == column, "\(error?.description ?? "")")
    }

    @Test func `bytes that are not UTF-8 are refused`() {
        let error = #expect(throws: XMLError.self) { try XMLElement.parse([0x3C, 0x61, 0x3E, 0xC3, 0x28]) }
        #expect(error?.code == .malformed)
    }

    /// Entities that grow, that read files and that call elsewhere all need a document type.
    @Test(arguments: [
        """
        <!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>
        <l>&c;</l>
        """,
        "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>",
        "<!DOCTYPE a SYSTEM \"http://127.0.0.1:9/a.dtd\"><a/>",
        "<!DOCTYPE a [<!ENTITY % p SYSTEM \"file:///etc/passwd\"> %p;]><a/>",
        "<!DOCTYPE html><a/>",
    ])
    func `a document type is refused, whatever it holds`(_ text: String) {
        let error = #expect(throws: XMLError.self) { try parse(text) }
        #expect(error?.code == .forbidden)
    }

    @Test func `each limit refuses what is one beyond it`() throws {
        var limits = XMLLimits()
        limits.bytes = 200
        limits.depth = 3
        limits.elements = 5
        limits.attributes = 2
        limits.text = 10
        let allowed = [
            String(repeating: " ", count: 196) + "<a/>", "<a><a><a/></a></a>", "<a><b/><b/><b/><b/></a>",
            "<a x='1' y='2'/>", "<a>0123456789</a>", "<a x='0123456789'/>", "<abcdefghij/>",
        ]
        let refused = [
            String(repeating: " ", count: 197) + "<a/>", "<a><a><a><a/></a></a></a>", "<a><b/><b/><b/><b/><b/></a>",
            "<a x='1' y='2' z='3'/>", "<a>0123456789a</a>", "<a x='0123456789a'/>", "<abcdefghijk/>",
        ]
        for text in allowed { #expect(throws: Never.self) { try XMLElement.parse(Array(text.utf8), limits: limits) } }
        for text in refused {
            let error = #expect(throws: XMLError.self) { try XMLElement.parse(Array(text.utf8), limits: limits) }
            #expect(error?.code == .tooLarge, "\(text)")
        }
    }

    @Test func `a flat answer of 10 MB is parsed whole`() throws {
        let item = "<item><instanceId>i-0123456789abcdef0</instanceId><spotPrice>0.0123</spotPrice></item>"
        let count = 10_000_000 / item.utf8.count
        let text = "<set>" + String(repeating: item, count: count) + "</set>"
        let clock = ContinuousClock()
        let began = clock.now
        let root = try parse(text)
        print("parsed \(text.utf8.count) bytes, \(count * 3 + 1) elements, in \(clock.now - began)")
        #expect(root.children.count == count)
    }
}

private func parse(_ text: String) throws -> XMLElement { try XMLElement.parse(Array(text.utf8)) }
