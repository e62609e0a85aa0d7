import JSON
import XML

/// What machines cost: made up, the same every time, and in the proportions that they have.
extension World {
    /// In millionths of a dollar by the hour; nil for what is no instance type.
    func price(of type: String) -> Int? {
        let parts = type.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let first = parts[0].first, first.isLetter else { return nil }
        let small = [
            "nano": 6_000, "micro": 12_000, "small": 24_000, "medium": 48_000, "large": 96_000, "xlarge": 192_000,
        ]
        if let price = small[String(parts[1])] { return price }
        guard parts[1].hasSuffix("xlarge"), let times = Int(parts[1].dropLast(6)), (2...112).contains(times) else {
            return parts[1] == "metal" ? 4_608_000 : nil
        }
        return times * 192_000
    }

    func describeSpotPrices(_ form: Form, at now: Moment) throws(Refusal) -> [UInt8] {
        let types = form.list("InstanceType")
        for type in types where price(of: type) == nil { throw .invalid("instanceType", type) }
        let pools = types.flatMap { type in rules.zones.map { (type, $0) } }
        let (page, next) = try form.page(pools)
        return response("DescribeSpotPriceHistoryResponse") { writer in
            writer.element("spotPriceHistorySet") { set in
                for (type, zone) in page {
                    set.element("item") { item in
                        item.element("instanceType", type)
                        item.element("productDescription", "Linux/UNIX")
                        item.element("spotPrice", dollars(spotPrice(of: type, in: zone)))
                        item.element("timestamp", now.wall.inSeconds.description)
                        item.element("availabilityZone", zone)
                    }
                }
            }
            if let next { writer.element("nextToken", next) }
        }
    }

    /// A third, and a little more in each further zone.
    private func spotPrice(of type: String, in zone: String) -> Int {
        (price(of: type) ?? 0) * (100 + 4 * (rules.zones.firstIndex(of: zone) ?? 0)) / 300
    }

    private func dollars(_ millionths: Int) -> String {
        let fraction = String(1_000_000 + millionths % 1_000_000).dropFirst()
        return "\(millionths / 1_000_000).\(fraction)"
    }

    func priceList(_ body: [UInt8]) throws(Refusal) -> [UInt8] {
        var type = ""
        do throws(JSONError) {
            for filter in try JSONDocument(body).root.object().required("Filters").array() {
                let filter = try filter.object()
                guard try filter.required("Field").isString("instanceType") else { continue }
                type = try filter.required("Value").string()
            }
        } catch { throw Refusal("InvalidParameterException", "\(error)") }
        let products = price(of: type).map { [product(type, $0)] } ?? []
        var writer = JSONWriter()
        writer.object { fields in
            fields.field("FormatVersion", "aws_v1")
            // Each product is a text that is a document.
            fields.field("PriceList", products.map { String(decoding: $0, as: UTF8.self) })
        }
        return writer.bytes
    }

    private func product(_ type: String, _ price: Int) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { product in
            product.object("product") { $0.object("attributes") { $0.field("instanceType", type) } }
            product.object("terms") { terms in
                terms.object("OnDemand") { offers in
                    offers.object("sandbox") { offer in
                        offer.object("priceDimensions") { dimensions in
                            dimensions.object("hour") { hour in
                                hour.field("unit", "Hrs")
                                hour.object("pricePerUnit") { $0.field("USD", dollars(price)) }
                            }
                        }
                    }
                }
            }
        }
        return writer.bytes
    }
}
