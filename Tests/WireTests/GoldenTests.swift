import JSON
import Testing
import Wire

/// The promise to the other version of us: what these files say is what the protocol means.
struct GoldenTests {
    @Test(arguments: goldens)
    func `a golden file is read as the value it stands for`(golden: Golden) throws {
        #expect(areEqual(try golden.read(try golden.text()), golden.value))
    }

    @Test(arguments: goldens)
    func `a value is written byte for byte as its golden file`(golden: Golden) throws {
        #expect(
            String(decoding: written(golden.value), as: UTF8.self) == String(decoding: try golden.text(), as: UTF8.self)
        )
    }

    @Test func `every golden file belongs to a message and every message has one`() throws {
        #expect(try names(in: goldenFolder) == goldens.map { $0.name + ".json" }.sorted())
    }

    @Test func `every message that a route carries has a golden file`() {
        let covered = Set(goldens.map { ObjectIdentifier(Swift.type(of: $0.value)) })
        for route in Route.allCases {
            for message in [route.row.takes, route.row.gives].compactMap({ $0 }) {
                #expect(covered.contains(ObjectIdentifier(message)), "\(message)")
            }
        }
    }
}

func written(_ value: any WireObject) -> [UInt8] { encodeJSON(value) }
