/// Why a text is not the value that was asked for.
package struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What a caller can do something about.
    package enum Code: Hashable, Sendable {
        /// The text is not JSON; `position` says where.
        case syntax
        /// The text is longer than `JSONLimits.bytes`.
        case tooLarge
        /// Arrays and objects are nested deeper than `JSONLimits.depth`.
        case tooDeep
        /// An object has a key twice, where that is refused.
        case duplicateKey
        /// An object lacks a key that it must have.
        case missing
        /// A value is there and is not what it should be.
        case mismatch
    }

    /// A place in the text, for people: `offset` counts bytes from 0, `line` and `column` count from 1, and columns are
    /// characters (Unicode scalars), not bytes.
    package struct Position: Hashable, Sendable {
        package let offset: Int
        package let line: Int
        package let column: Int
    }

    package let code: Code
    /// Where in the value, such as `spot_pools[3].price`; empty for the value as a whole and for errors of syntax.
    package let path: String
    /// Where in the text, for errors of syntax and depth.
    package let position: Position?
    /// What is wrong, without the place.
    package let reason: String

    package init(_ code: Code, path: String = "", position: Position? = nil, reason: String) {
        self.code = code
        self.path = path
        self.position = position
        self.reason = reason
    }

    package var description: String {
        if let position {
            return "line \(position.line), column \(position.column) (byte \(position.offset)): \(reason)"
        }
        return path.isEmpty ? reason : "\(path): \(reason)"
    }
}
