/// What a text may cost before it is refused. The tape takes at most eight bytes for each byte of text (`1,1,1,…`), so
/// the size is the only bound on memory that is needed.
package struct JSONLimits: Hashable, Sendable {
    /// The longest text that is read. A longer one is refused before its first byte is looked at.
    package let bytes: Int
    /// How many arrays and objects may be open at once.
    package let depth: Int

    /// Positions on the tape are 32 bits wide, so a text is always shorter than 4 GiB.
    package static let bytesMax = Int(UInt32.max) - 1

    package init(bytes: Int = standard.bytes, depth: Int = standard.depth) {
        precondition((0...Self.bytesMax).contains(bytes), "a limit of bytes must fit the tape's 32-bit positions")
        precondition(depth >= 0, "a limit of depth cannot be negative")
        self.bytes = bytes
        self.depth = depth
    }

    /// 16 MiB, because a history of prices for a whole region is some 5 MB, and a network-facing caller sets its own,
    /// smaller size; 64 levels, because what our programs exchange is nested seven deep at most, and what an operator
    /// stores in a free-form field seldom more than twenty.
    package static let standard = JSONLimits(bytes: 16 << 20, depth: 64)
}
