import Wire

/// Where the cloud is asked and who asks, by the names that AWS's own tools read.
package struct CloudSettings: Sendable {
    enum Identity: Sendable {
        case fixed(Credentials)
        /// Whatever the metadata service gives out for the instance's role.
        case instanceRole
        /// Half of a pair was set. Taking the role's instead would ask in another name than the operator meant.
        case incomplete(reason: String)
    }

    var identity: Identity
    var ec2URL: String?
    var priceListURL: String?
    var elbURL: String?
    var caFile: String?

    /// `values` holds what was set, in the environment or in the agent's file; an empty value counts as none.
    package init(_ values: [String: String]) {
        func value(_ name: String) -> String? { values[name].flatMap { $0.isEmpty ? nil : $0 } }
        func url(_ name: String) -> String? { (value(name) ?? value("AWS_ENDPOINT_URL")).map(withoutSlashAtItsEnd) }
        ec2URL = url("AWS_ENDPOINT_URL_EC2")
        priceListURL = url("AWS_ENDPOINT_URL_PRICING")
        elbURL = url("AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2")
        caFile = value("AWS_CA_BUNDLE")
        switch (value("AWS_ACCESS_KEY_ID"), value("AWS_SECRET_ACCESS_KEY")) {
        case (let access?, let secret?):
            identity = .fixed(
                Credentials(accessKey: access, secretKey: secret, sessionToken: value("AWS_SESSION_TOKEN")))
        case (nil, nil): identity = .instanceRole
        case (_?, nil): identity = .incomplete(reason: "AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY")
        case (nil, _?): identity = .incomplete(reason: "AWS_SECRET_ACCESS_KEY is set without AWS_ACCESS_KEY_ID")
        }
    }
}

private func withoutSlashAtItsEnd(_ url: String) -> String {
    String(url.reversed().drop { $0 == "/" }.reversed())
}

/// The services that are asked.
enum CloudService: Sendable {
    case ec2, priceList, elb

    /// In a sentence.
    var name: String {
        switch self {
        case .ec2: "EC2"
        case .priceList: "the price list"
        case .elb: "ELB"
        }
    }

    /// As signatures have it.
    var signingName: String {
        switch self {
        case .ec2: "ec2"
        case .priceList: "pricing"
        case .elb: "elasticloadbalancing"
        }
    }

    /// Of the query API that our forms are written for.
    var version: String {
        switch self {
        case .ec2, .priceList: "2016-11-15"
        case .elb: "2015-12-01"
        }
    }

    func endpoint(in region: Region, _ settings: CloudSettings) -> CloudEndpoint {
        let isChina = region.text.hasPrefix("cn-")
        let domain = isChina ? "amazonaws.com.cn" : "amazonaws.com"
        switch self {
        case .ec2:
            let standard = "https://ec2.\(region).\(domain)"
            return CloudEndpoint(url: (settings.ec2URL ?? standard) + "/", region: region)
        case .priceList:
            // One place in each partition has the prices of all its regions.
            let home: Region = isChina ? "cn-northwest-1" : "us-east-1"
            let standard = "https://api.pricing.\(home).\(domain)"
            return CloudEndpoint(url: (settings.priceListURL ?? standard) + "/", region: home)
        case .elb:
            let standard = "https://elasticloadbalancing.\(region).\(domain)"
            return CloudEndpoint(url: (settings.elbURL ?? standard) + "/", region: region)
        }
    }
}

struct CloudEndpoint: Sendable, Equatable {
    let url: String
    /// The one that signatures name.
    let region: Region
}
