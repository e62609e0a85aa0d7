package import AgentCore
import JSON
import Platform

/// Reads from the metadata service: a path below `meta-data/`, within that time.
package typealias RoleReader = (
    _ path: String, _ deadline: Duration, _ completion: @escaping (MetadataReading) -> Void
) -> Void

/// Has the credentials that calls are signed with: fixed ones, or the instance role's, which are read when somebody first
/// needs them and again before they expire. Lives on the loop's thread.
///
/// Our own clock never makes credentials unusable: it may be wrong, and what counts is EC2's.
final class CredentialSource {
    typealias Completion = (Result<Credentials, CredentialFailure>) -> Void

    private let identity: CloudSettings.Identity
    private let read: RoleReader
    private let loop: any EventLoop
    private let surroundings: any Surroundings
    private var current: Credentials?
    private var waiting: [Completion] = []
    /// After a renewal that brought nothing new there is none before this: the service gives out the same ones until about
    /// 5 minutes before their end.
    private var renewsAgain = Duration.zero

    /// New ones are there some time before the old expire, and a switch that began should not meet the change.
    static let renewsBeforeExpiry = Duration.seconds(600)
    static let renewalPause = Duration.seconds(60)
    /// For each of the two reads. The service is on this machine's host and answers in milliseconds; while it does not, the
    /// look for a notice waits for its turn behind such a read.
    static let readDeadline = Duration.seconds(1)

    init(
        _ identity: CloudSettings.Identity, loop: any EventLoop, surroundings: any Surroundings,
        read: @escaping RoleReader
    ) {
        self.identity = identity
        self.loop = loop
        self.surroundings = surroundings
        self.read = read
    }

    /// Whether asking again can give other ones.
    var canRenew: Bool {
        if case .instanceRole = identity { true } else { false }
    }

    /// What a person can do when EC2 does not take them.
    var remedy: String {
        switch identity {
        case .fixed: "renew the credentials that are set, or unset AWS_ACCESS_KEY_ID to use the instance's role"
        case .instanceRole, .incomplete: "look at the instance's profile and its role"
        }
    }

    /// `completion` is called once: at once when they are at hand, else when the metadata service has answered. `refused`
    /// are those that EC2 does not take any more.
    func get(insteadOf refused: Credentials?, _ completion: @escaping Completion) {
        switch identity {
        case .fixed(let credentials): completion(.success(credentials))
        case .incomplete(let reason): completion(.failure(CredentialFailure(reason, isLasting: true)))
        case .instanceRole:
            if let current, current != refused, !shouldRenew(current) { return completion(.success(current)) }
            waiting.append(completion)
            // One renewal at a time; the others wait for it.
            if waiting.count == 1 { readRole() }
        }
    }

    private func shouldRenew(_ credentials: Credentials) -> Bool {
        guard let expiry = credentials.expiry, loop.now >= renewsAgain else { return false }
        return expiry - surroundings.wall() <= Self.renewsBeforeExpiry
    }

    private func readRole() {
        let folder = "iam/security-credentials/"
        read(folder, Self.readDeadline) { [weak self] reading in
            guard let self else { return }
            switch reading {
            case .absent:
                let remedy = "attach an instance profile, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
                fail("the instance has no role: \(remedy)", isLasting: true)
            case .failed(let reason): fail("ask for the instance's role: \(reason)")
            case .value(let list):
                let role = list.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
                guard isRoleName(role) else {
                    return fail("ask for the instance's role: the metadata service named none")
                }
                read(folder + role, Self.readDeadline) { [weak self] in self?.take($0, of: role) }
            }
        }
    }

    private func take(_ reading: MetadataReading, of role: String) {
        switch reading {
        case .absent: fail("the metadata service has no credentials of role \(role)")
        case .failed(let reason): fail("ask for the credentials of role \(role): \(reason)")
        case .value(let text):
            do throws(JSONError) {
                let credentials = try decodeJSON(Credentials.self, from: Array(text.utf8))
                let isNew = credentials != current
                current = credentials
                answer(.success(credentials), isNew: isNew)
            } catch { fail("read the credentials of role \(role): \(error)") }
        }
    }

    private func fail(_ reason: String, isLasting: Bool = false) {
        // The old ones may be good still: renewing begins well before their end.
        answer(current.map { .success($0) } ?? .failure(CredentialFailure(reason, isLasting: isLasting)))
    }

    private func answer(_ result: Result<Credentials, CredentialFailure>, isNew: Bool = false) {
        if !isNew { renewsAgain = loop.now + Self.renewalPause }
        let waited = waiting
        waiting = []
        for completion in waited { completion(result) }
    }
}

/// Why there are no credentials.
struct CredentialFailure: Error, Equatable, CustomStringConvertible {
    /// Nothing will change until somebody changes the settings or the machine.
    let isLasting: Bool
    let description: String

    init(_ description: String, isLasting: Bool = false) {
        self.description = description
        self.isLasting = isLasting
    }
}

/// By the rule of IAM, so that no answer of the service leads to another path than a role's.
private func isRoleName(_ text: String) -> Bool {
    (1...64).contains(text.utf8.count)
        && text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"): true
            default: "+=,.@-_".utf8.contains(byte)
            }
        }
}
