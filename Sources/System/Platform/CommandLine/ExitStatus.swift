import Glibc

/// How a program tells its caller what came of it: the conventional numbers (sysexits.h), which service managers and
/// scripts know.
package struct ExitStatus: Sendable, Equatable {
    package let code: Int32

    package static let success = ExitStatus(code: 0)
    /// It was tried and did not work.
    package static let failure = ExitStatus(code: 1)
    /// The command line is wrong.
    package static let usage = ExitStatus(code: EX_USAGE)
    /// The file to work on is damaged, or of another program: starting again will not help.
    package static let badData = ExitStatus(code: EX_DATAERR)
    /// A service that was needed did not answer.
    package static let unavailable = ExitStatus(code: EX_UNAVAILABLE)
    /// It may work later.
    package static let temporaryFailure = ExitStatus(code: EX_TEMPFAIL)
    /// The user this runs as may not.
    package static let noPermission = ExitStatus(code: EX_NOPERM)
    /// The configuration is wrong: starting again will not help.
    package static let configuration = ExitStatus(code: EX_CONFIG)

    /// Ends the process.
    package func exit() -> Never { Glibc.exit(code) }
}
