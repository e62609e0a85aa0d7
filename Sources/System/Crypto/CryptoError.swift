/// What can go wrong from outside. Memory and our own mistakes trap.
package struct CryptoError: Error, Equatable, CustomStringConvertible {
    package enum Code: Sendable {
        /// The system's source of randomness gave nothing. Nothing secret may be made then.
        case noRandomness
        case tooLarge
        case notAuthentic
    }

    package let code: Code
    package let description: String

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
