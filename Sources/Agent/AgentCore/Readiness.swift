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
struct Readiness {
    var takeOver: TakeOver
    var handOver: HandOver
    /// Why nothing can be remembered.
    var diskFault: String?
    var rights: Rights
    /// What looking at units, hooks and volumes found; nil: nobody has looked.
    var found: [String]?

    var lacks: [String] {
        let settings = [
            takeOver.isEmpty
                ? "nothing says what is started here: set PROMOTE_UNITS, or put hooks into promote.d" : nil,
            // Two machines would want it at once.
            !takeOver.volumes.isEmpty && handOver == .overlap
                ? "a data volume is at one machine at a time: set hand_over to exclusive" : nil,
        ]
        let disk = diskFault.map { "its state folder cannot be written: \($0)" }
        let looked = found ?? ["nobody has looked yet whether it could take over"]
        let all = settings.compactMap(\.self) + [disk, rights.lack].compactMap(\.self) + looked
        return all.prefix(Limits.lackingMax).map(Self.shortened)
    }

    /// A coordinator refuses a heartbeat with a longer one.
    static func shortened(_ sentence: String) -> String {
        guard sentence.utf8.count > Limits.nameBytes else { return sentence }
        var text = sentence
        while text.utf8.count > Limits.nameBytes - "…".utf8.count { text.removeLast() }
        return text + "…"
    }
}
