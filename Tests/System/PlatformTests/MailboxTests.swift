import Platform
import TestSupport
import Testing

struct MailboxTests {
    @Test func `messages of another thread arrive on the loop in the order of sending`() throws {
        let mailbox = try Mailbox<Int>(capacity: 1_000)
        let loop = PollLoop()
        var received: [Int] = []
        let delivery = try mailbox.attach(to: loop) { received.append($0) }
        let sender = try DedicatedThread(name: "sender") {
            for number in 0..<1_000 { _ = mailbox.send(number) }
        }
        #expect(loop.run { received.count == 1_000 })
        sender.join()
        #expect(received == Array(0..<1_000))
        delivery.cancel()
    }

    @Test func `a full mailbox refuses at once and takes again after delivery`() throws {
        let mailbox = try Mailbox<Int>(capacity: 2)
        let loop = PollLoop()
        #expect(mailbox.send(1))
        #expect(mailbox.send(2))
        #expect(!mailbox.send(3))
        var received: [Int] = []
        let delivery = try mailbox.attach(to: loop) { received.append($0) }
        #expect(loop.run { received == [1, 2] })
        #expect(mailbox.send(4))
        #expect(loop.run { received == [1, 2, 4] })
        delivery.cancel()
    }

    @Test func `a reserved place is kept until it is used or given back`() throws {
        let mailbox = try Mailbox<Int>(capacity: 2)
        #expect(mailbox.reserve())
        #expect(mailbox.send(1))
        #expect(!mailbox.send(2))
        #expect(!mailbox.reserve())
        mailbox.cancelReservation()
        #expect(mailbox.reserve())
        mailbox.sendReserved(3)
        let loop = PollLoop()
        var received: [Int] = []
        let delivery = try mailbox.attach(to: loop) { received.append($0) }
        #expect(loop.run { received == [1, 3] })
        delivery.cancel()
    }

    @Test func `one turn handles one batch, so that a timer fires between batches`() throws {
        let mailbox = try Mailbox<Int>(capacity: 1_000, batchSize: 10)
        for number in 0..<1_000 { _ = mailbox.send(number) }
        let loop = PollLoop()
        var received = 0
        var receivedAtFirstTimer: Int?
        let timer = try loop.makeTimer { receivedAtFirstTimer = received }
        let delivery = try mailbox.attach(to: loop) { _ in
            received += 1
            if received == 1 { timer.arm(at: loop.now) }
        }
        #expect(loop.run { received == 1_000 })
        #expect(receivedAtFirstTimer == 10)
        delivery.cancel()
    }

    @Test func `a message sent by the handler is delivered in a later turn`() throws {
        let mailbox = try Mailbox<Int>(capacity: 4)
        let loop = PollLoop()
        var received: [Int] = []
        let delivery = try mailbox.attach(to: loop) { message in
            received.append(message)
            if message < 3 { _ = mailbox.send(message + 1) }
        }
        _ = mailbox.send(1)
        #expect(loop.run { received == [1, 2, 3] })
        delivery.cancel()
    }

    @Test func `after cancelling nothing is delivered and the messages wait for the next receiver`() throws {
        let mailbox = try Mailbox<Int>(capacity: 4)
        let loop = PollLoop()
        var first: [Int] = []
        var second: [Int] = []
        let delivery = try mailbox.attach(to: loop) { first.append($0) }
        delivery.cancel()
        _ = mailbox.send(1)
        let next = try mailbox.attach(to: loop) { second.append($0) }
        #expect(loop.run { second == [1] })
        #expect(first.isEmpty)
        next.cancel()
    }
}
