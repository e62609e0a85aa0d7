import JSON
import Testing
import Wire

@Suite struct HeartbeatReplyFormTests {
    private func reply(lease: Int?, _ receivedAt: Timestamp, _ serverTime: Timestamp) -> HeartbeatReply {
        var reply = HeartbeatReply(
            slot: SlotID("01939fd1-2f3c-7a5e-8a2b-0123456789ab"), role: .primary, epoch: 7, configVersion: 3,
            heartbeatSeconds: 3, receivedAt: receivedAt, serverTime: serverTime)
        reply.leaseSeconds = lease
        return reply
    }

    @Test(
        arguments: [nil, 30], [Int64(0), 1, 1_000, 1_795_000_000_123_000_000, 1_795_000_000_123_456_789, .min, .max])
    func `it writes what the reply itself would`(lease: Int?, nanoseconds: Int64) {
        let form = HeartbeatReplyForm(reply(lease: lease, .latest, .earliest))
        let (received, sent) = (
            Timestamp(nanosecondsSinceEpoch: nanoseconds), Timestamp(nanosecondsSinceEpoch: 5_000_000)
        )
        let text = form.text(receivedAt: received, serverTime: sent)
        #expect(text == encodeJSON(reply(lease: lease, received, sent)))
    }
}
