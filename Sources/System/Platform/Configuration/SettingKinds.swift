// The kinds of values that settings have. Each says what it expects in words that complete "expected".

extension Setting where Value == String {
    /// Any printable text.
    package static func text(
        _ name: StaticString, aliases: [String] = [], placeholder: String = "TEXT", limit: Int = 1024,
        default defaultText: String? = nil, _ summary: String
    ) -> Setting {
        Setting(
            name, aliases: aliases, placeholder: placeholder, expectation: "at most \(limit) printable characters",
            default: defaultText, summary
        ) { SettingKinds.text($0, limit: limit) }
    }

    /// The address of a service: http or https, a host, perhaps a port and a path. A slash at the end is taken off, so that
    /// paths can be appended.
    package static func url(
        _ name: StaticString, aliases: [String] = [], default defaultText: String? = nil, _ summary: String
    ) -> Setting {
        Setting(
            name, aliases: aliases, placeholder: "URL",
            expectation: "a URL such as https://host:port without user, query or fragment", default: defaultText,
            summary,
            parse: SettingKinds.url)
    }

    /// An absolute path of a file or folder.
    package static func path(
        _ name: StaticString, aliases: [String] = [], default defaultText: String? = nil, _ summary: String
    ) -> Setting {
        Setting(
            name, aliases: aliases, placeholder: "PATH", expectation: "an absolute path", default: defaultText, summary
        ) { text in
            // 4095: PATH_MAX without the byte that ends it.
            text.hasPrefix("/") ? SettingKinds.text(text, limit: 4095) : nil
        }
    }
}

extension Setting where Value == Int {
    package static func integer(
        _ name: StaticString, aliases: [String] = [], _ range: ClosedRange<Int>, default defaultValue: Int? = nil,
        _ summary: String
    ) -> Setting {
        Setting(
            name, aliases: aliases, placeholder: "NUMBER",
            expectation: "a whole number from \(range.lowerBound) to \(range.upperBound)",
            default: defaultValue.map(String.init), summary
        ) { text in Int(text).flatMap { range.contains($0) ? $0 : nil } }
    }
}

extension Setting where Value == Bool {
    package static func boolean(
        _ name: StaticString, aliases: [String] = [], default defaultValue: Bool? = nil, _ summary: String
    ) -> Setting {
        Setting(
            name, aliases: aliases, placeholder: "BOOLEAN", expectation: "true or false (also yes, no, on, off, 1, 0)",
            default: defaultValue.map(String.init), summary
        ) { text in
            switch text.lowercased() {
            case "true", "yes", "on", "1": true
            case "false", "no", "off", "0": false
            default: nil
            }
        }
    }
}

extension Setting where Value == Duration {
    /// A time in seconds, with at most three decimals.
    package static func seconds(
        _ name: StaticString, aliases: [String] = [], _ range: ClosedRange<Int>, default defaultText: String? = nil,
        _ summary: String
    ) -> Setting {
        Setting(
            name, aliases: aliases, placeholder: "SECONDS",
            expectation: "a number of seconds from \(range.lowerBound) to \(range.upperBound)", default: defaultText,
            summary
        ) { text in
            guard let duration = SettingKinds.seconds(text) else { return nil }
            return duration >= .seconds(range.lowerBound) && duration <= .seconds(range.upperBound) ? duration : nil
        }
    }
}

extension Setting where Value == [String] {
    /// Texts separated by commas or spaces, at most 256.
    package static func list(
        _ name: StaticString, aliases: [String] = [], placeholder: String = "LIST", default defaultText: String? = nil,
        _ summary: String
    ) -> Setting {
        Setting(
            name, aliases: aliases, placeholder: placeholder,
            expectation: "at most 256 texts separated by commas or spaces", default: defaultText, summary
        ) { text in
            let items = SettingKinds.text(text, limit: 65_536)?.split { $0 == "," || $0 == " " }.map(String.init)
            return items.flatMap { $0.count <= 256 ? $0 : nil }
        }
    }
}

extension Setting where Value: CaseIterable & RawRepresentable, Value.RawValue == String {
    /// One of the words that an enumeration lists.
    package static func choice(
        _ name: StaticString, aliases: [String] = [], default defaultValue: Value? = nil, _ summary: String
    ) -> Setting {
        let words = Value.allCases.map(\.rawValue)
        return Setting(
            name, aliases: aliases, placeholder: words.joined(separator: "|"),
            expectation: words.joined(separator: " or "), default: defaultValue?.rawValue, summary
        ) { Value(rawValue: $0.lowercased()) }
    }
}

enum SettingKinds {
    static func text(_ text: String, limit: Int) -> String? {
        let isPrintable = text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
        return isPrintable && text.utf8.count <= limit ? text : nil
    }

    static func seconds(_ text: String) -> Duration? {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = digits(parts[0], atMost: 9) else { return nil }
        guard parts.count == 2 else { return .seconds(whole) }
        guard let fraction = digits(parts[1], atMost: 3) else { return nil }
        let scale = [100, 10, 1][parts[1].utf8.count - 1]
        return .seconds(whole) + .milliseconds(fraction * scale)
    }

    private static func digits(_ text: Substring, atMost count: Int) -> Int? {
        guard (1...count).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return Int(text)
    }

    static func url(_ text: String) -> String? {
        let schemes = ["http://", "https://"]
        guard text.utf8.count <= 2048, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { return nil }
        guard let scheme = schemes.first(where: { text.lowercased().hasPrefix($0) }) else { return nil }
        let rest = text.dropFirst(scheme.count)
        guard !rest.contains(where: { "?#@\\\"<>^`{|}".contains($0) }) else { return nil }
        let authority = rest.prefix { $0 != "/" }
        guard isAuthority(authority) else { return nil }
        var path = rest.dropFirst(authority.count)
        while path.last == "/" { path.removeLast() }
        return "\(scheme)\(authority)\(path)"
    }

    private static func isAuthority(_ authority: Substring) -> Bool {
        let host: Substring
        let port: Substring
        if authority.first == "[", let end = authority.firstIndex(of: "]") {
            host = authority[authority.index(after: authority.startIndex)..<end]
            port = authority[authority.index(after: end)...]
            guard host.utf8.allSatisfy({ $0 == 0x3A || $0 == 0x2E || Unicode.Scalar($0).properties.isASCIIHexDigit })
            else {
                return false
            }
        } else {
            host = authority.prefix { $0 != ":" }
            port = authority.dropFirst(host.count)
            guard host.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "-" || $0 == "." || $0 == "_" }) else {
                return false
            }
        }
        guard !host.isEmpty else { return false }
        if port.isEmpty { return true }
        guard port.first == ":", let number = digits(port.dropFirst(), atMost: 5) else { return false }
        return (1...65_535).contains(number)
    }
}
