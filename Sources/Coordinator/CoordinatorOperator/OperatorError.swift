package import Platform

/// Why a sub-command did not do what it was asked to: a sentence for the person, and what a script can go by.
package struct OperatorError: Error, Equatable, CustomStringConvertible {
    package enum Code: Sendable {
        /// The command line asks for something that cannot be.
        case usage
        /// The coordinator understood and refused, or could not.
        case refused
        /// The place to go on from is no more.
        case gone
        /// Nobody answers, or somebody else does.
        case unreachable
        /// There is no token, or the coordinator does not take it.
        case noAccess
        /// The settings do not say where the coordinator is.
        case misconfigured
    }

    package let code: Code
    package let description: String
    /// How long to wait at least before the same question may be answered; nil where asking again does not help.
    let retryAfter: Duration?

    init(_ code: Code, _ description: String, retryAfter: Duration? = nil) {
        self.code = code
        self.description = description
        self.retryAfter = retryAfter
    }

    package var exitStatus: ExitStatus {
        switch code {
        case .usage: .usage
        case .refused, .gone: .failure
        case .unreachable: .unavailable
        case .noAccess: .noPermission
        case .misconfigured: .configuration
        }
    }
}

/// Whoever read standard output is gone, or its disk is full: there is nobody to tell.
struct OutputClosed: Error {}
