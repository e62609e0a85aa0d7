/// The version of everything in this module, sent by both programs in the header `Spot-Protocol`.
///
/// It rises when a reader of the version before would misunderstand; a new optional field does not need it. A program
/// reads its own version and the one before.
///
/// - 1 (2026-11-20): the first.
package let protocolVersion = 1

/// The request header that marks a native agent; old agents do not send it and get their replies in an envelope.
package let protocolHeader = "Spot-Protocol"

/// The version of the product, as programs show it and as `agent_version` says it.
package let productVersion = "0.1.0"
