/// Why a document was refused, and where.
package struct XMLError: Error, Equatable, CustomStringConvertible {
    package enum Code: Sendable {
        /// Not well-formed, or cut off.
        case malformed
        /// Beyond one of the `XMLLimits`.
        case tooLarge
        /// It declares a document type, the only way to declare entities.
        case forbidden
    }

    package let code: Code
    /// Both counted from 1.
    package let line: Int
    package let column: Int
    package let description: String

    init(_ code: Code, line: Int, column: Int, _ reason: String) {
        self.code = code
        self.line = line
        self.column = column
        description = "parse xml at line \(line), column \(column): \(reason)"
    }
}
