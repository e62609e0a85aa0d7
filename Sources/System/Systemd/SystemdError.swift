/// What systemd, its bus or the kernel refused; the code says what a caller can do about it.
package struct SystemdError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Code: Sendable, Equatable {
        /// Nobody is there to ask: no bus, no such service on it. Do without, or try again later.
        case unavailable
        /// The connection ended, or was closed by its owner. What was asked may have happened or not; ask for the state.
        case disconnected
        /// No answer in the time given. What was asked may still happen.
        case timedOut
        /// Too much is under way already. Try again when some of it has ended.
        case busy
        /// The manager knows no unit of that name.
        case noSuchUnit
        /// A unit of that name is loaded already.
        case unitExists
        /// We lack the right.
        case denied
        /// The other side understood and will not; its words are in the description.
        case refused
        /// A text we were given or a reply we got does not have the form it must have.
        case malformed
        /// The kernel said no.
        case failed
    }

    package let code: Code
    package let description: String

    package init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
