import HTTPServer
import Platform
import TestSupport

/// An EC2 and a price list that know one machine and who may do what: they answer trials, and do nothing.
package final class PretendIAM: Sendable {
    private struct State {
        var denied: Set<String> = []
        var hangs = false
        var asked: [String] = []
        var changes: [String] = []
    }

    package let url: String
    private let state = Locked(State())
    private let listener: Locked<Listener?> = Locked(nil)

    package init() throws {
        let port = try unusedLoopbackPort()
        url = "http://127.0.0.1:\(port)"
        var options = ListenerOptions(
            address: .address("127.0.0.1", port: port), surroundings: SystemSurroundings())
        options.workers = 1
        let made = try Listener(options) { [weak self] in self?.handle($0, $1) }
        listener.withLock { $0 = made }
    }

    package func stop() {
        let stopped = listener.withLock { $0.take() }
        stopped?.stop(within: .zero)
    }

    /// Actions by their own names: `RunInstances`.
    package func deny(_ actions: Set<String>) { state.withLock { $0.denied = actions } }
    package func hang() { state.withLock { $0.hangs = true } }
    package var asked: [String] { state.withLock { $0.asked } }
    /// What would have changed something: asked without DryRun, and not only to read.
    package var changes: [String] { state.withLock { $0.changes } }

    private func handle(_ request: Request, _ exchange: Exchange) {
        let body = String(decoding: request.body, as: UTF8.self)
        let isPriceList = request.headers[name: "X-Amz-Target"] != nil
        let action = isPriceList ? "GetProducts" : parameter("Action", of: body)
        let isTrial = body.contains("DryRun=true")
        let (isDenied, hangs) = state.withLock { state in
            state.asked.append(action)
            if !isTrial, !isPriceList, !action.hasPrefix("Describe") { state.changes.append(action) }
            return (state.denied.contains(action), state.hangs)
        }
        guard !hangs else {
            exchange.park(for: .seconds(60)) { Response(status: 503, text: "too late") }
            return
        }
        exchange.answer(
            isPriceList ? priceList(isDenied: isDenied) : ec2(action, isDenied: isDenied, isTrial: isTrial))
    }

    private func parameter(_ name: String, of form: String) -> String {
        for pair in form.split(separator: "&") where pair.hasPrefix("\(name)=") {
            return String(pair.dropFirst(name.count + 1))
        }
        return ""
    }

    private func priceList(isDenied: Bool) -> Response {
        isDenied
            ? Response(status: 400, text: #"{"__type": "AccessDeniedException", "Message": "no"}"#)
            : Response(status: 200, text: #"{"PriceList": []}"#)
    }

    private func ec2(_ action: String, isDenied: Bool, isTrial: Bool) -> Response {
        if isDenied || isTrial {
            let code = isDenied ? "UnauthorizedOperation" : "DryRunOperation"
            let error = "<Error><Code>\(code)</Code><Message>so it is</Message></Error>"
            let text = "<Response><Errors>\(error)</Errors><RequestID>1</RequestID></Response>"
            return Response(status: isDenied ? 403 : 412, text: text)
        }
        let sets = [
            "DescribeInstances": "<reservationSet><item>\(Self.machine)</item></reservationSet>",
            "DescribeImages": "<imagesSet/>", "DescribeSnapshots": "<snapshotSet/>",
            "DescribeAddresses": "<addressesSet><item><publicIp>198.51.100.7</publicIp></item></addressesSet>",
            "DescribeVolumes": "<volumeSet>\(Self.volume)</volumeSet>", "DescribeTargetGroups": Self.group,
            "DescribeTargetHealth": Self.health,
        ]
        return Response(status: 200, text: "<\(action)Response>\(sets[action] ?? "")</\(action)Response>")
    }

    /// In another zone than the machine.
    private static let volume = """
        <item><volumeId>vol-1</volumeId><availabilityZone>us-east-1c</availabilityZone></item>
        """
    private static let group = """
        <DescribeTargetGroupsResult><TargetGroups><member><TargetType>instance</TargetType>
        <HealthCheckIntervalSeconds>30</HealthCheckIntervalSeconds><HealthyThresholdCount>5</HealthyThresholdCount>
        </member></TargetGroups></DescribeTargetGroupsResult>
        """
    private static let health = """
        <DescribeTargetHealthResult><TargetHealthDescriptions><member><TargetHealth><State>unused</State>
        <Reason>Target.NotRegistered</Reason></TargetHealth></member></TargetHealthDescriptions>
        </DescribeTargetHealthResult>
        """

    /// The one that `PretendMetadata.ordinary` is.
    private static let machine = """
        <instancesSet><item><instanceId>i-0123456789abcdef0</instanceId>
        <instanceState><name>running</name></instanceState><instanceType>m5.large</instanceType>
        <imageId>ami-0a1b2c3d4e5f60718</imageId><vpcId>vpc-1</vpcId><subnetId>subnet-1</subnetId>
        <placement><availabilityZone>us-east-1b</availabilityZone></placement>
        <iamInstanceProfile><arn>arn:aws:iam::1:instance-profile/web</arn></iamInstanceProfile>
        </item></instancesSet>
        """
}

/// Somebody's web server: it answers these pages, and any other path with the one at `*`; without that it never answers.
package final class PretendPages: Sendable {
    package let url: String
    private let credentials = Monitor([String]())
    private let listener: Locked<Listener?> = Locked(nil)

    package init(_ pages: [String: String]) throws {
        let port = try unusedLoopbackPort()
        url = "http://127.0.0.1:\(port)"
        var options = ListenerOptions(
            address: .address("127.0.0.1", port: port), surroundings: SystemSurroundings())
        options.workers = 1
        let made = try Listener(options) { [credentials] request, exchange in
            if let shown = request.headers[name: "Authorization"] { credentials.change { $0.append(shown) } }
            guard let page = pages[request.path] ?? pages["*"] else {
                exchange.park(for: .seconds(60)) { Response(status: 503, text: "too late") }
                return
            }
            exchange.answer(Response(status: 200, body: Array(page.utf8)))
        }
        listener.withLock { $0 = made }
    }

    package func stop() {
        let stopped = listener.withLock { $0.take() }
        stopped?.stop(within: .zero)
    }

    /// What was shown to it.
    package var shown: [String] { credentials.change { $0 } }
}
