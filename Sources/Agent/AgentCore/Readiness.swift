import Wire

/// What is known of the rights in EC2 that a take-over needs.
enum Rights: Sendable, Equatable {
    case unverified
    case verified
    /// The sentence says which are missing.
    case denied(String)

    var lack: String? {
        switch self {
        case .unverified: "its rights in EC2 are not verified yet"
        case .verified: nil
        case .denied(let sentence): sentence
        }
    }
}

/// What a replica lacks to be ready.
enum Readiness {
    /// Nil of a machine that is no replica. `diskFault`: why nothing can be remembered.
    static func lacking(_ role: Role?, diskFault: String?, _ rights: Rights) -> [String]? {
        guard role == .replica else { return nil }
        // Said as long as `promote` is refused, so that nobody counts on this replica.
        let lacks = [
            "this agent cannot take over yet", diskFault.map { "its state folder cannot be written: \($0)" },
            rights.lack,
        ]
        return lacks.compactMap { $0.map(shortened) }
    }

    /// A coordinator refuses a heartbeat with a longer one.
    private static func shortened(_ sentence: String) -> String {
        guard sentence.utf8.count > Limits.nameBytes else { return sentence }
        var text = sentence
        while text.utf8.count > Limits.nameBytes - "…".utf8.count { text.removeLast() }
        return text + "…"
    }
}
