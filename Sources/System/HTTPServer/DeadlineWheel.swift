/// Many deadlines, each put in and taken out in constant time; a plain value that is told the time.
///
/// A hashed timing wheel: time is cut into ticks, a slot holds the deadlines of every tick that is equal to it modulo the
/// number of slots, as a list through `nodes`. Deadlines are rounded up to a tick: never early, late by one tick at most.
struct DeadlineWheel<Value> {
    /// Names one deadline for `remove`. Spent tickets are recognised.
    struct Ticket: Equatable, Sendable {
        fileprivate let index: Int32
        fileprivate let generation: UInt32
    }

    private struct Node {
        var value: Value?
        var tick: Int64 = 0
        var next: Int32 = none
        var previous: Int32 = none
        var generation: UInt32 = 0
    }

    private static var none: Int32 { -1 }
    private let tickLength: Int64
    private var slots: [Int32]
    private var nodes: [Node] = []
    private var firstFree: Int32 = none
    private var lastTick: Int64
    private(set) var count = 0

    /// Times are nanoseconds of one clock that never goes back.
    init(tickLength: Int64, slots: Int = 1024, now: Int64) {
        precondition(tickLength > 0 && slots > 0, "a wheel needs ticks and slots")
        self.tickLength = tickLength
        self.slots = Array(repeating: Self.none, count: slots)
        lastTick = now / tickLength
    }

    mutating func insert(_ value: Value, at deadline: Int64) -> Ticket {
        let index = takeFreeNode()
        nodes[Int(index)].value = value
        link(index, at: deadline)
        count += 1
        return Ticket(index: index, generation: nodes[Int(index)].generation)
    }

    /// Nil: it has expired or been removed.
    mutating func remove(_ ticket: Ticket) -> Value? {
        let node = nodes[Int(ticket.index)]
        guard node.generation == ticket.generation, let value = node.value else { return nil }
        unlink(ticket.index)
        free(ticket.index)
        return value
    }

    /// Asks `expire` about every value whose deadline has come: a time puts it back under the same ticket, nil ends it.
    mutating func advance(to now: Int64, expire: (Value) -> Int64?) {
        let tick = now / tickLength
        guard tick > lastTick else { return }
        // After a long sleep each slot is visited once, not once for each tick missed.
        let first = max(lastTick + 1, tick - Int64(slots.count) + 1)
        lastTick = tick
        for due in first...tick { expireSlot(Int(due % Int64(slots.count)), upTo: tick, expire) }
    }

    /// When to look again; nil when nothing waits. A deadline rounds away makes it early, never late.
    var nextLook: Int64? {
        guard count > 0 else { return nil }
        for ahead in 1...Int64(slots.count) where slots[slot(of: lastTick + ahead)] != Self.none {
            return (lastTick + ahead) * tickLength
        }
        return nil
    }

    /// Takes out everything, due or not.
    mutating func removeAll() -> [Value] {
        let values = nodes.compactMap(\.value)
        for index in nodes.indices where nodes[index].value != nil {
            unlink(Int32(index))
            free(Int32(index))
        }
        return values
    }

    private mutating func expireSlot(_ slot: Int, upTo tick: Int64, _ expire: (Value) -> Int64?) {
        var index = slots[slot]
        while index != Self.none {
            let node = nodes[Int(index)]
            let following = node.next
            if node.tick <= tick, let value = node.value {
                unlink(index)
                if let later = expire(value) { link(index, at: later) } else { free(index) }
            }
            index = following
        }
    }

    private func slot(of tick: Int64) -> Int { Int(tick % Int64(slots.count)) }

    private mutating func link(_ index: Int32, at deadline: Int64) {
        let roundedUp = deadline / tickLength + (deadline % tickLength == 0 ? 0 : 1)
        let tick = max(roundedUp, lastTick + 1)
        let slot = slot(of: tick)
        nodes[Int(index)].tick = tick
        nodes[Int(index)].previous = Self.none
        nodes[Int(index)].next = slots[slot]
        if slots[slot] != Self.none { nodes[Int(slots[slot])].previous = index }
        slots[slot] = index
    }

    private mutating func unlink(_ index: Int32) {
        let node = nodes[Int(index)]
        if node.next != Self.none { nodes[Int(node.next)].previous = node.previous }
        if node.previous != Self.none {
            nodes[Int(node.previous)].next = node.next
        } else {
            slots[slot(of: node.tick)] = node.next
        }
    }

    private mutating func takeFreeNode() -> Int32 {
        guard firstFree != Self.none else {
            nodes.append(Node())
            return Int32(nodes.count - 1)
        }
        let index = firstFree
        firstFree = nodes[Int(index)].next
        return index
    }

    private mutating func free(_ index: Int32) {
        nodes[Int(index)].value = nil
        nodes[Int(index)].generation &+= 1
        nodes[Int(index)].next = firstFree
        firstFree = index
        count -= 1
    }
}
