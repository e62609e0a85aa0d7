import AgentCore
import Platform
import Wire

// The texts of settings about the workload.
extension AgentSettings {
    static func units(_ name: StaticString, _ summary: String) -> Setting<[UnitName]?> {
        Setting<[UnitName]>(
            name, placeholder: "LIST", expectation: "names of units, separated by commas or blanks, each once",
            default: nil, summary
        ) { text in list(text, of: UnitName.init) }.optional
    }

    /// At most 64: each is asked for after the one before.
    static func list<Value: Hashable>(_ text: String, of make: (String) -> Value?) -> [Value]? {
        let words = text.split { $0 == "," || $0 == " " }
        let values = words.compactMap { make(String($0)) }
        return values.count == words.count && values.count <= 64 && Set(values).count == values.count ? values : nil
    }

    static func resource(_ text: String, _ prefix: String) -> ResourceID? {
        text.hasPrefix(prefix) ? try? ResourceID(text) : nil
    }

    static func probeURL(_ text: String) -> String? {
        guard text.utf8.count <= 2048, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }), !text.contains("#"),
            let scheme = ["http://", "https://"].first(where: { text.lowercased().hasPrefix($0) })
        else { return nil }
        let authority = text.dropFirst(scheme.count).prefix { $0 != "/" && $0 != "?" }
        return authority.isEmpty || authority.contains("@") ? nil : text
    }

    static func probePort(_ text: String) -> Probe? {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (1...65_535).contains(port)
        else { return nil }
        let host = text[..<colon]
        if host == "localhost" || isIPv4(host) { return .port(host: String(host), port) }
        guard host.hasPrefix("["), host.hasSuffix("]"), host.contains(":") else { return nil }
        let inner = host.dropFirst().dropLast()
        return inner.allSatisfy { $0.isHexDigit || $0 == ":" || $0 == "." } ? .port(host: String(inner), port) : nil
    }

    private static func isIPv4(_ text: Substring) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
    }

    /// EC2 takes `/dev/sdf` to `/dev/sdp` for what is not the root; the kernel may call it otherwise.
    static func dataVolumes(_ text: String) -> [DataVolume]? {
        let words = text.split { $0 == "," || $0 == " " }.map { word in
            word.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        }
        var devices = Set(words.compactMap { $0.count == 2 ? $0[1] : nil })
        let named = devices.count
        guard words.count(where: { $0.count == 2 }) == named, devices.allSatisfy({ $0.hasPrefix("/dev/") }) else {
            return nil
        }
        var free = "fghijklmnop".map { "/dev/sd\($0)" }.filter { !devices.contains($0) }[...]
        var volumes: [DataVolume] = []
        for word in words {
            guard let id = resource(word[0], "vol-"), let device = word.count == 2 ? word[1] : free.popFirst() else {
                return nil
            }
            devices.insert(device)
            volumes.append(DataVolume(id: id, device: device))
        }
        return Set(volumes.map(\.id)).count == volumes.count ? volumes : nil
    }
}
