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
        let words = words.span
        return Array(capacity: words.count + 2 * Timestamp.quotedLength) { text in
            text.append(words.extracting(..<self.receivedAt))
            receivedAt.appendQuoted(to: &text)
            text.append(words.extracting(self.receivedAt..<self.serverTime))
            serverTime.appendQuoted(to: &text)
            text.append(words.extracting(self.serverTime...))
        }
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
