import JSON
import Wire

/// The on-demand price of one instance type in one region, from AWS's price list.
enum PriceList {
    static let target = "AWSPriceListService.GetProducts"

    /// All filters hold together. Without the capacity's status, reservations that cost nothing would be in the answer.
    static func body(_ type: InstanceType, _ region: Region, nextToken: String?) -> [UInt8] {
        let filters = [
            ("instanceType", type.text), ("regionCode", region.text), ("operatingSystem", "Linux"),
            ("tenancy", "Shared"), ("preInstalledSw", "NA"), ("capacitystatus", "Used"),
        ]
        var writer = JSONWriter()
        writer.object { fields in
            fields.field("ServiceCode", "AmazonEC2")
            fields.field("FormatVersion", "aws_v1")
            fields.array("Filters") { list in
                for (name, value) in filters {
                    list.object { filter in
                        filter.field("Type", "TERM_MATCH")
                        filter.field("Field", name)
                        filter.field("Value", value)
                    }
                }
            }
            fields.optionalField("NextToken", nextToken)
        }
        return writer.bytes
    }

    /// The lowest price by the hour that is not nothing; nil when the list has none.
    static func price(in pages: [CloudPage], _ region: Region) throws(UnreadableAnswer) -> JSONNumber? {
        let currency = region.text.hasPrefix("cn-") ? "CNY" : "USD"
        var prices: [JSONNumber] = []
        do throws(JSONError) {
            for page in pages {
                guard case .priceList(let answer) = page else { throw UnreadableJSON.other }
                for product in try answer.root.object().required("PriceList").array() {
                    // Each product is a text that is a document.
                    prices += try hourlyPrices(JSONDocument(Array(product.string().utf8)), in: currency)
                }
            }
        } catch { throw UnreadableAnswer("\(error)") }
        return prices.filter { $0 > JSONNumber(0) }.min()
    }

    private static func hourlyPrices(_ product: JSONDocument, in currency: String) throws(JSONError) -> [JSONNumber] {
        var prices: [JSONNumber] = []
        let terms = try product.root.object().required("terms").object()
        guard let offers = try terms.optional("OnDemand")?.object() else { return [] }
        for (_, offer) in offers {
            for (_, dimension) in try offer.object().required("priceDimensions").object() {
                let dimension = try dimension.object()
                guard try dimension.required("unit").string() == "Hrs",
                    let text = try dimension.required("pricePerUnit").object().optional(currency)?.string(),
                    let price = JSONNumber(text)
                else { continue }
                prices.append(price)
            }
        }
        return prices
    }
}

private enum UnreadableJSON {
    static let other = JSONError(.mismatch, reason: "expected an answer of the price list")
}
