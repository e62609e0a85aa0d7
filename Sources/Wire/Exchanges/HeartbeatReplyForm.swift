package import JSON

/// A reply to heartbeats that brings no commands, as JSON, with room for its two times: all else stays the same until
/// something happens to the slot, and to write it anew for each heartbeat costs four times as much.
package struct HeartbeatReplyForm: Sendable {
    /// Without the times.
    private let words: [UInt8]
    /// Where in the words they belong.
    private let receivedAt: Int
    private let serverTime: Int

    /// The times of `reply` are not looked at.
    package init(_ reply: HeartbeatReply) {
        precondition(reply.commands.isEmpty, "commands are handed out once, and no form keeps them")
        var reply = reply
        (reply.receivedAt, reply.serverTime) = (.earliest, .latest)
        var words = encodeJSON(reply)
        receivedAt = words.cut(encodeJSON(reply.receivedAt))
        serverTime = words.cut(encodeJSON(reply.serverTime))
        self.words = words
    }

    package func text(receivedAt: Timestamp, serverTime: Timestamp) -> [UInt8] {
        var text: [UInt8] = []
        // Two times of at most 32 bytes.
        text.reserveCapacity(words.count + 64)
        text.append(contentsOf: words[..<self.receivedAt])
        receivedAt.appendRFC3339(quote: UInt8(ascii: "\""), to: &text)
        text.append(contentsOf: words[self.receivedAt..<self.serverTime])
        serverTime.appendRFC3339(quote: UInt8(ascii: "\""), to: &text)
        text.append(contentsOf: words[self.serverTime...])
        return text
    }
}

extension [UInt8] {
    /// Takes the first occurrence of `part` out, and tells where it was.
    fileprivate mutating func cut(_ part: [UInt8]) -> Int {
        guard let place = indices.first(where: { self[$0...].starts(with: part) }) else {
            preconditionFailure("a reply has two times")
        }
        removeSubrange(place..<place + part.count)
        return place
    }
}
