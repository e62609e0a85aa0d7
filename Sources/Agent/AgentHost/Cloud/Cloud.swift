package import AgentCore
import HTTPClient
import JSON
package import Platform
package import Wire

/// EC2, the price list and load balancers: takes requests in our words and answers each exactly once, at its deadline at the latest, in a
/// later turn of the loop. Lives on the loop's thread.
///
/// Within its deadline a call waits for credentials, reads all pages, and repeats what failed or was throttled, as far as
/// repeating does no harm. EC2 may get a request twice all the same; see `CloudPlan.Repeating`.
package final class Cloud {
    /// Known once the machine is. Until then every call ends as `unreachable`.
    package var region: Region?
    /// How far our wall clock was ahead of that of whoever answered last: up to a second more than it is, for the second
    /// that its time is cut off to, and what the answer was under way.
    package private(set) var clockAhead: Duration?

    let settings: CloudSettings
    let loop: any EventLoop
    let surroundings: any Surroundings
    let transport: Transport
    let credentials: CredentialSource
    private var timer: (any LoopTimer)?
    private var calls: [UInt64: CloudCall] = [:]
    private var count: UInt64 = 0

    /// EC2 answers in a second or two, a large launch in five. One connection that hangs must not use up the deadline.
    var attemptLimit = Duration.seconds(15)

    /// Calls under way. The agent has at most a handful of errands, and each waits for its one call.
    static let callsMax = 64

    /// `readRole` is asked for the instance role's credentials, unless the settings have some.
    package init(
        loop: any EventLoop, settings: CloudSettings, surroundings: any Surroundings, readRole: @escaping RoleReader
    ) throws(CloudFault) {
        self.settings = settings
        self.loop = loop
        self.surroundings = surroundings
        var options = TransportOptions(userAgent: "spot-agent/\(productVersion)", caFile: settings.caFile)
        options.proxy = .fromEnvironment
        // As many errands as run at once; each asks one thing at a time.
        options.maxConnections = 4
        do { transport = try Transport(loop: loop, options: options) } catch {
            throw CloudFault(.unreachable, "prepare to ask EC2: \(error)")
        }
        credentials = CredentialSource(settings.identity, loop: loop, surroundings: surroundings, read: readRole)
        do { timer = try loop.makeTimer { [weak self] in self?.wake() } } catch {
            throw CloudFault(.unreachable, "prepare to ask EC2: \(error)")
        }
    }

    /// Asks. `deadline` counts from now.
    package func call(
        _ request: CloudRequest, deadline: Duration,
        _ completion: @escaping (Result<CloudAnswer, CloudFault>) -> Void
    ) {
        count += 1
        let call = CloudCall(
            number: count, request, plan: request.plan(now: surroundings.wall()), of: self,
            deadline: loop.now + deadline, completion)
        if calls.count >= Self.callsMax { call.refuse("\(Self.callsMax) calls are under way") }
        calls[count] = call
        arm()
    }

    func dropConnections() { try? transport.closeConnections() }

    /// What was asked is not answered any more.
    func close() {
        transport.close()
        calls = [:]
        timer?.disarm()
    }

    /// One timer for all calls, at what is due first.
    func arm() {
        guard let due = calls.values.compactMap(\.due).min() else { return }
        timer?.arm(at: due)
    }

    func noteDate(of response: IncomingResponse) {
        guard let date = response.header("Date").flatMap(Timestamp.init(httpDate:)) else { return }
        clockAhead = surroundings.wall() - date
    }

    func remove(_ call: CloudCall) { calls[call.number] = nil }

    private func wake() {
        let now = loop.now
        let due = calls.values.filter { call in call.due.map { $0 <= now } ?? false }.sorted { $0.number < $1.number }
        // A completion may begin others, but ends none of these.
        for call in due { call.wake(at: now) }
        arm()
    }
}
