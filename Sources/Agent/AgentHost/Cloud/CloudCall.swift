import AgentCore
import HTTPClient
import JSON
import Platform
import Wire

/// One call under way: attempts until there is an answer, a refusal or no time.
///
///     resting ──▶ awaitingCredentials ──▶ awaitingAnswer ──last page, refusal──▶ ended
///        ▲               │ none                │ failed, throttled, more pages
///        └───────────────┴─────────────────────┘
final class CloudCall {
    private enum Stage {
        /// The beginning, too: nothing is answered from inside the call that asked.
        case resting(until: Duration)
        case awaitingCredentials
        case awaitingAnswer
        case ended
    }

    let number: UInt64
    private let request: CloudRequest
    private let plan: CloudPlan
    // The cloud owns its calls; what comes back late finds them gone.
    private unowned let cloud: Cloud
    private let deadline: Duration
    private let completion: (Result<CloudAnswer, CloudFault>) -> Void
    private var stage: Stage
    private var pages: [CloudPage] = []
    private var nextToken: String?
    private var bytes = 0
    private var failures = 0
    /// Why the last attempt failed.
    private var fault: CloudFault?
    /// Set before the first attempt: there will be none.
    private var isRefused = false
    /// Those that the service did not take. They are renewed once for a call.
    private var refused: Credentials?
    private var hasRenewed = false

    /// 5,000 machines or images with one tag of ours are far more than an agent has to do with, and a service that never
    /// ends its pages must not keep it.
    static let pagesMax = 50
    /// All pages of an answer together, for the same reason: they stay in memory until the last.
    static let answerBytesMax = 2 * CloudPage.bytesMax
    /// For each page. With back-off to 8 s these are about half a minute of failures.
    static let attemptsMax = 12

    init(
        number: UInt64, _ request: CloudRequest, plan: CloudPlan, of cloud: Cloud, deadline: Duration,
        _ completion: @escaping (Result<CloudAnswer, CloudFault>) -> Void
    ) {
        self.number = number
        self.request = request
        self.plan = plan
        self.cloud = cloud
        self.deadline = deadline
        self.completion = completion
        stage = .resting(until: cloud.loop.now)
    }

    /// When it has to be woken. While an answer is awaited, the transport keeps the time.
    var due: Duration? {
        switch stage {
        case .resting(let until): min(until, deadline)
        case .awaitingCredentials: deadline
        case .awaitingAnswer, .ended: nil
        }
    }

    /// Ends it without an attempt, at the next turn.
    func refuse(_ reason: String) {
        fault = CloudFault(.busy, "\(plan.doing): \(reason)")
        isRefused = true
    }

    func wake(at now: Duration) {
        guard !isRefused, now < deadline else { return end(.failure(fault ?? lateness)) }
        guard case .resting = stage else { return }
        stage = .awaitingCredentials
        cloud.credentials.get(insteadOf: refused) { [weak self] in self?.take($0) }
    }

    private var lateness: CloudFault {
        let reason = if case .awaitingCredentials = stage { "no credentials came in time" } else { "the time is over" }
        return CloudFault(.unreachable, "\(plan.doing): \(reason)")
    }

    private func end(_ result: Result<CloudAnswer, CloudFault>) {
        stage = .ended
        // What is open was opened from the address that this machine had before: the next question would hang on it. Whether we
        // heard of the move or not.
        if case .moveAddress = request { cloud.dropConnections() }
        cloud.remove(self)
        completion(result)
    }

    private func rest(for pause: Duration) {
        stage = .resting(until: cloud.loop.now + pause)
        cloud.arm()
    }
}

// MARK: An attempt

extension CloudCall {
    private func take(_ result: Result<Credentials, CredentialFailure>) {
        guard case .awaitingCredentials = stage else { return }
        refused = nil
        switch result {
        case .success(let credentials): send(with: credentials)
        case .failure(let failure):
            let fault = CloudFault(.unreachable, "\(plan.doing): \(failure)")
            if failure.isLasting { end(.failure(fault)) } else { retry(after: fault, mayBeDone: false) }
        }
    }

    private func send(with credentials: Credentials) {
        guard let region = cloud.region else {
            return end(.failure(CloudFault(.unreachable, "\(plan.doing): the region is not known yet")))
        }
        let endpoint = plan.service.endpoint(in: plan.region ?? region, cloud.settings)
        let left = deadline - cloud.loop.now
        let (headers, body) = content
        let outgoing = OutgoingRequest(
            .post, endpoint.url, headers: headers, body: body,
            // What must not be sent twice is waited for as long as there is time.
            deadline: plan.repeating == .harmful ? left : min(left, cloud.attemptLimit),
            responseLimit: CloudPage.bytesMax,
            signing: SigV4Credentials(
                accessKey: credentials.accessKey, secretKey: credentials.secretKey,
                sessionToken: credentials.sessionToken, region: endpoint.region.text,
                service: plan.service.signingName))
        stage = .awaitingAnswer
        cloud.transport.send(outgoing) { [weak self] result in
            if case .success(let response) = result { self?.cloud.noteDate(of: response) }
            switch result {
            case .failure(let error): self?.take(error)
            case .success(let response) where response.status == 200: self?.take(response)
            case .success(let response): self?.takeRefusal(response, of: credentials)
            }
        }
    }

    private var content: (headers: [HeaderField], body: [UInt8]) {
        guard case .onDemandPrice(let type, let region) = request else {
            let type = "application/x-www-form-urlencoded; charset=utf-8"
            return ([HeaderField("Content-Type", type)], plan.body(nextToken: nextToken))
        }
        let headers = [
            HeaderField("Content-Type", "application/x-amz-json-1.1"), HeaderField("X-Amz-Target", PriceList.target),
        ]
        return (headers, PriceList.body(type, region, nextToken: nextToken))
    }

    private func take(_ response: IncomingResponse) {
        do throws(UnreadableAnswer) {
            let page = try CloudPage(response.body, from: plan.service)
            pages.append(page)
            bytes += response.body.count
            nextToken = page.nextToken
            if nextToken == nil { return end(.success(try request.read(pages))) }
        } catch {
            // From the first page again: what leads to the others may be what makes no sense.
            (pages, nextToken) = ([], nil)
            let reason = "\(plan.doing): \(plan.service.name) answered what makes no sense: \(error)"
            return retry(after: CloudFault(.unreachable, reason), mayBeDone: true)
        }
        guard pages.count < Self.pagesMax, bytes <= Self.answerBytesMax else {
            let size = "more than \(pages.count) pages or \(Self.answerBytesMax) bytes"
            return end(.failure(CloudFault(.invalid, "\(plan.doing): the answer has \(size)")))
        }
        failures = 0
        rest(for: .zero)
    }
}

// MARK: What went wrong

extension CloudCall {
    private func retry(after fault: CloudFault, mayBeDone: Bool) {
        self.fault = fault
        failures += 1
        let pause = backoff()
        guard !(mayBeDone && plan.repeating == .harmful), failures < Self.attemptsMax,
            cloud.loop.now + pause < deadline
        else { return end(.failure(fault)) }
        rest(for: pause)
    }

    /// Anything from nothing to 250 ms, doubling to 8 s: those whom EC2 throttled together must not come back together.
    private func backoff() -> Duration {
        let most = min(Duration.milliseconds(250) * (1 << (failures - 1)), .seconds(8))
        return most * (Double(cloud.surroundings.random() >> 11) / 0x1p53)
    }

    private func take(_ error: TransportError) {
        let fault = { (hint: String) in CloudFault(.unreachable, "\(self.plan.doing): \(error)\(hint)") }
        switch error.code {
        case .resolve, .connect, .tls, .busy, .resources: retry(after: fault(""), mayBeDone: false)
        case .deadlinePassed, .connectionLost, .protocolError: retry(after: fault(""), mayBeDone: true)
        case .tooLarge: end(.failure(fault("")))
        case .invalidRequest: end(.failure(CloudFault(.invalid, "\(plan.doing): \(error)")))
        case .untrustedPeer:
            end(.failure(fault("; if its authority is your own, name its certificate in AWS_CA_BUNDLE")))
        case .badCAFile: end(.failure(fault("; see AWS_CA_BUNDLE, or install the package ca-certificates")))
        }
    }

    private func takeRefusal(_ response: IncomingResponse, of credentials: Credentials) {
        let refusal = CloudRefusal(response, from: plan.service)
        func fault(_ kind: CloudFault.Kind, _ hint: String?) -> CloudFault {
            // Some refusals repeat the request, token and all.
            let message = credentials.appear(in: refusal.message) ? "" : refusal.message
            let reason = refusal.code.map { "refused it (\($0))" } ?? "answered \(refusal.status)"
            let parts = ["\(plan.doing): \(plan.service.name) \(reason)", message].filter { !$0.isEmpty }
            return CloudFault(kind, code: refusal.code, parts.joined(separator: ": ") + (hint.map { "; \($0)" } ?? ""))
        }
        if let answer = refusal.code.flatMap(request.answer(refusedWith:)) { return end(.success(answer)) }
        switch refusal.meaning {
        case .allowed where plan.isDryRun: end(.success(.allowed))
        case .allowed: end(.failure(fault(.invalid, nil)))
        case .fault(let kind, let hint): end(.failure(fault(kind, hint)))
        case .throttled: retry(after: fault(.busy, nil), mayBeDone: false)
        case .broken: retry(after: fault(.busy, nil), mayBeDone: true)
        case .badCredentials:
            if let astray = clockRemedy(refusal) { return end(.failure(fault(.notAllowed, astray))) }
            guard cloud.credentials.canRenew, !hasRenewed else {
                return end(.failure(fault(.notAllowed, cloud.credentials.remedy)))
            }
            hasRenewed = true
            refused = credentials
            rest(for: .zero)
        }
    }

    /// AWS takes signatures that are up to 5 minutes off.
    private func clockRemedy(_ refusal: CloudRefusal) -> String? {
        guard let date = refusal.date else { return nil }
        let ahead = cloud.surroundings.wall() - date
        guard abs(ahead.components.seconds) > 240 else { return nil }
        let minutes = abs(ahead.components.seconds) / 60
        let way = ahead > .zero ? "ahead of" : "behind"
        return
            "this machine's clock is \(minutes) min \(way) that of \(plan.service.name): set it, and keep it set by NTP"
    }
}
