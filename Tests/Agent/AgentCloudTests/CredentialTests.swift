import AgentCore
import JSON
import TestSupport
import Testing
import Wire

@testable import AgentHost

@Suite struct CredentialTests {
    private static let request = CloudRequest.deleteSnapshot("snap-1")
    private static let late = Duration.seconds(6 * 3600)

    /// Who signed each request.
    private static func signers(_ service: FakeService) -> [String] {
        service.asked.map { asked in
            asked.authorization.split(separator: "=").dropFirst().first?.split(separator: "/").first.map(String.init)
                ?? ""
        }
    }

    @Test func `the role's credentials are read once, and used until they near their end`() throws {
        let service = try FakeService(.deleted)
        let desk = try Desk(at: service, withRole: true)
        desk.role.has(("A", Self.late))
        for _ in 0..<3 { #expect(try desk.ask(Self.request) == .success(.done)) }
        #expect(Self.signers(service) == ["A", "A", "A"])
        #expect(service.asked[0].token == "token of A")
        #expect(desk.role.asked == [FakeRole.folder, FakeRole.folder + "web"])
    }

    @Test(arguments: [(Duration.seconds(601), ["A", "A"]), (.seconds(600), ["A", "B"])])
    func `they are renewed 10 minutes before they expire`(good: Duration, signers: [String]) throws {
        let service = try FakeService(.deleted)
        let desk = try Desk(at: service, withRole: true)
        desk.role.has(("A", good), ("B", Self.late))
        _ = try desk.ask(Self.request).get()
        _ = try desk.ask(Self.request).get()
        #expect(Self.signers(service) == signers)
    }

    @Test func `credentials that stay the same near their end are not asked for at every call`() throws {
        let service = try FakeService(.deleted)
        let desk = try Desk(at: service, withRole: true)
        desk.role.has(("A", .seconds(300)))
        for _ in 0..<5 { _ = try desk.ask(Self.request).get() }
        // At the first call, and once more because they near their end.
        #expect(desk.role.asked.count == 4)
    }

    @Test func `credentials that expired by our clock are used all the same`() throws {
        let service = try FakeService(.deleted)
        let desk = try Desk(at: service, withRole: true)
        desk.role.has(("A", .seconds(-3600)))
        #expect(try desk.ask(Self.request) == .success(.done))
    }

    @Test(arguments: ["ExpiredToken", "RequestExpired", "AuthFailure"])
    func `credentials that EC2 does not take are renewed, and the call goes on`(code: String) throws {
        let service = try FakeService(.refused(code), .deleted)
        let desk = try Desk(at: service, withRole: true)
        desk.role.has(("A", Self.late), ("B", Self.late))
        #expect(try desk.ask(Self.request) == .success(.done))
        #expect(Self.signers(service) == ["A", "B"])
    }

    @Test func `one call renews them once`() throws {
        let service = try FakeService(.refused("AuthFailure"))
        let desk = try Desk(at: service, withRole: true)
        desk.role.has(("A", Self.late), ("B", Self.late), ("C", Self.late))
        let fault = try desk.fault(Self.request)
        #expect(fault.kind == .notAllowed)
        #expect(Self.signers(service) == ["A", "B"])
    }

    @Test func `calls that wait for credentials share one reading`() throws {
        let service = try FakeService(.deleted)
        let desk = try Desk(at: service, withRole: true)
        desk.role.has(("A", Self.late))
        var answers: [Result<CloudAnswer, CloudFault>] = []
        for _ in 0..<8 { desk.cloud.call(Self.request, deadline: .seconds(10)) { answers.append($0) } }
        #expect(desk.loop.run { answers.count == 8 })
        #expect(answers.allSatisfy { $0 == .success(.done) })
        #expect(desk.role.asked.count == 2)
    }

    @Test func `a call that waits for credentials ends at its own deadline`() throws {
        let service = try FakeService(.deleted)
        let desk = try Desk(at: service, withRole: true)
        var fault: CloudFault?
        let time = try elapsed { fault = try desk.fault(Self.request, deadline: .milliseconds(200)) }
        #expect(fault?.description == "delete snapshot snap-1: no credentials came in time")
        #expect(time >= .milliseconds(190) && time < .seconds(2))
        #expect(service.asked.isEmpty)
    }

    @Test func `a metadata service that stumbles is asked again`() throws {
        let service = try FakeService(.deleted)
        let desk = try Desk(at: service, withRole: true)
        desk.role.has(("A", Self.late))
        desk.role.readings[FakeRole.folder] = [.failed("no answer in 3 s"), .value("web")]
        #expect(try desk.ask(Self.request) == .success(.done))
    }

    @Test(arguments: [
        (MetadataReading.absent, "the instance has no role: attach an instance profile"),
        (.value(""), "the metadata service named none"),
        (.value("../../user-data"), "the metadata service named none"),
        (.failed("no answer in 3 s"), "ask for the instance's role: no answer in 3 s"),
    ])
    func `without a role nobody is asked, and the fault says why`(reading: MetadataReading, why: String) throws {
        let service = try FakeService(.deleted)
        let desk = try Desk(at: service, withRole: true)
        desk.role.readings[FakeRole.folder] = [reading]
        let fault = try desk.fault(Self.request)
        #expect(fault.kind == .unreachable && fault.description.contains(why), "\(fault)")
        #expect(service.asked.isEmpty)
    }

    @Test(arguments: [
        #"{"Code": "AssumeRoleUnauthorizedAccess", "SecretAccessKey": "hush"}"#, "hush", "{}",
        #"{"AccessKeyId": "A", "SecretAccessKey": "", "Token": "hush", "Expiration": "2026-11-20T20:00:00Z"}"#,
        #"{"AccessKeyId": "A", "SecretAccessKey": "hush", "Token": "hush", "Expiration": "hush"}"#,
    ])
    func `credentials that make no sense are none, and are not shown`(text: String) throws {
        let service = try FakeService(.deleted)
        let desk = try Desk(at: service, withRole: true)
        desk.role.has(("A", Self.late))
        desk.role.readings[FakeRole.folder + "web"] = [.value(text)]
        let fault = try desk.fault(Self.request)
        #expect(fault.kind == .unreachable && fault.description.contains("role web"), "\(fault)")
        #expect(!fault.description.contains("hush"), "\(fault)")
    }

    @Test(arguments: [
        (["AWS_ACCESS_KEY_ID": "A"], "AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY"),
        (["AWS_SECRET_ACCESS_KEY": "hush"], "AWS_SECRET_ACCESS_KEY is set without AWS_ACCESS_KEY_ID"),
    ])
    func `half a pair of keys is said to be half`(values: [String: String], why: String) throws {
        let desk = try Desk(values)
        let fault = try desk.fault(Self.request)
        #expect(fault.description == "delete snapshot snap-1: \(why)")
        #expect(desk.role.asked.isEmpty)
    }

    @Test func `whatever prints credentials shows their public half`() {
        let credentials = Credentials(accessKey: "A", secretKey: "hush", sessionToken: "hush too")
        var dumped = ""
        dump(credentials, to: &dumped)
        for text in ["\(credentials)", String(reflecting: credentials), dumped, "\([credentials])"] {
            #expect(text.contains("A") && !text.contains("hush"), "\(text)")
        }
        var dumpedSettings = ""
        dump(CloudSettings(["AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "hush"]), to: &dumpedSettings)
        #expect(!dumpedSettings.contains("hush"))
    }
}
