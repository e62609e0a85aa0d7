import AgentCore
import JSON
import Platform
import TestSupport
import Testing
import Wire

@testable import AgentHost

/// A cloud on a loop of its own, and the means to ask it.
final class Desk {
    let loop = PollLoop()
    let role: FakeRole
    let cloud: Cloud

    static let keys = ["AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "the-secret-half"]

    init(
        _ values: [String: String], region: Region? = "eu-west-1", surroundings: any Surroundings = FixedSurroundings()
    ) throws {
        let role = FakeRole(loop: loop, now: surroundings.wall())
        self.role = role
        cloud = try Cloud(loop: loop, settings: CloudSettings(values), surroundings: surroundings) {
            role.read($0, $1, $2)
        }
        cloud.region = region
    }

    /// At `service`, with fixed keys or with the instance's role.
    convenience init(
        at service: FakeService, withRole: Bool = false, surroundings: any Surroundings = FixedSurroundings()
    ) throws {
        try self.init(
            (withRole ? [:] : Self.keys).merging(["AWS_ENDPOINT_URL": service.url]) { old, _ in old },
            surroundings: surroundings)
    }

    func ask(
        _ request: CloudRequest, deadline: Duration = .seconds(10)
    ) throws -> Result<CloudAnswer, CloudFault> {
        var result: Result<CloudAnswer, CloudFault>?
        cloud.call(request, deadline: deadline) { result = $0 }
        #expect(result == nil, "it was answered from inside the call")
        _ = loop.run(within: .seconds(20)) { result != nil }
        return try #require(result, "no answer came")
    }

    func fault(_ request: CloudRequest, deadline: Duration = .seconds(10)) throws -> CloudFault {
        switch try ask(request, deadline: deadline) {
        case .success(let answer): throw TestSupportError("answered \(answer) instead of failing")
        case .failure(let fault): return fault
        }
    }
}

/// A wall clock that stands, and chance that is always the same: 0 makes every pause of a back-off nothing.
struct FixedSurroundings: Surroundings {
    /// When the test began: answers over HTTP have the time in them.
    var wallClock = SystemSurroundings().wall()
    var chance: UInt64 = 0

    func monotonic() -> Duration { .zero }
    func boot() -> Duration { .zero }
    func wall() -> Timestamp { wallClock }
    func random() -> UInt64 { chance }
}

/// A metadata service that gives out a role's credentials.
final class FakeRole {
    private let loop: PollLoop
    private let now: Timestamp
    /// What each path has; what comes after the last is the last again. Nothing: it is never answered.
    var readings: [String: [MetadataReading]] = [:]
    private(set) var asked: [String] = []
    private var timers: [any LoopTimer] = []

    static let folder = "iam/security-credentials/"

    init(loop: PollLoop, now: Timestamp) { (self.loop, self.now) = (loop, now) }

    /// Has these credentials, good for so long, one after the other, for the role `web`.
    func has(_ credentials: (key: String, good: Duration)...) {
        readings[Self.folder] = [.value("web")]
        readings[Self.folder + "web"] = credentials.map { key, good in
            .value(
                """
                {"Code": "Success", "AccessKeyId": "\(key)", "SecretAccessKey": "secret of \(key)",
                 "Token": "token of \(key)", "Expiration": "\(now + good)"}
                """)
        }
    }

    func read(_ path: String, _ deadline: Duration, _ completion: @escaping (MetadataReading) -> Void) {
        asked.append(path)
        guard let reading = readings[path]?.first else { return }
        if let rest = readings[path]?.dropFirst(), !rest.isEmpty { readings[path] = Array(rest) }
        guard let timer = try? loop.makeTimer({ completion(reading) }) else { return }
        timer.arm(at: .zero)
        timers.append(timer)
    }
}

func elapsed(_ body: () throws -> Void) rethrows -> Duration {
    let clock = SystemSurroundings()
    let start = clock.monotonic()
    try body()
    return clock.monotonic() - start
}
