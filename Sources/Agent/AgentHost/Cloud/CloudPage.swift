import HTTPClient
import JSON
import XML

/// One page of an answer, as it came.
enum CloudPage: Sendable {
    /// Of a service with a query API.
    case query(XMLElement)
    case priceList(JSONDocument)

    /// A page of 100 instances has about half a megabyte. What is asked for by id comes in one page, whatever its size.
    static let bytesMax = 8 << 20

    init(_ body: [UInt8], from service: CloudService) throws(UnreadableAnswer) {
        switch service {
        case .ec2, .elb:
            var limits = XMLLimits()
            limits.bytes = Self.bytesMax
            do { self = .query(try XMLElement.parse(body, limits: limits)) } catch {
                throw UnreadableAnswer("\(error)")
            }
        case .priceList:
            do { self = .priceList(try JSONDocument(body, limits: JSONLimits(bytes: Self.bytesMax))) } catch {
                throw UnreadableAnswer("\(error)")
            }
        }
    }

    /// Leads to the next page; EC2 also says so with an empty one that there is none.
    var nextToken: String? {
        switch self {
        case .query(let answer): answer["nextToken"].flatMap { $0.text.isEmpty ? nil : $0.text }
        case .priceList(let answer):
            (try? answer.root.object()).flatMap { $0.optional("NextToken") }.flatMap { try? $0.string() }
                .flatMap { $0.isEmpty ? nil : $0 }
        }
    }
}

/// The service answered something else than it should: a proxy's page, say.
struct UnreadableAnswer: Error, Equatable, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
