import Glibc
import JSON
import Platform
import Systemd
import Wire

/// Tells the lines of the log as they come, across restarts of the coordinator, until a signal ends it or nobody reads.
///
///     asking ──lines──▶ writing ──written──▶ asking
///        │  ▲
///   lost ▼  │ in a moment
///      waiting
///
/// The cursor moves on only when a page is written whole, and a page is written only when it came whole: so no line is
/// missed and none is told twice. Only a restore of the coordinator's database ends what the cursor goes on from.
final class EventFollower {
    private let desk: Desk
    private let query: [(QueryParameter, String)]
    private let loop: Loop
    private var cursor: EventCursor?
    private var output: PacedOutput?
    private var timer: (any LoopTimer)?
    private var signals: [any SignalWatch] = []
    private var failure: OperatorError?
    private var failures = 0
    private var hasAnswered = false
    private var askedAt: Duration = .zero

    /// The first pause after a failure; it doubles up to the last. A person waits, so it stays short.
    private static let pauses: ClosedRange<Duration> = .milliseconds(500)...(.seconds(8))
    /// A coordinator that answers at once and has nothing to say is stopping, or does not park: it is not asked more often.
    private static let emptyPause: Duration = .seconds(1)

    init(_ desk: Desk, after cursor: EventCursor?, query: [(QueryParameter, String)]) {
        (self.desk, self.cursor, self.query) = (desk, cursor, query)
        loop = desk.conversation.loop
    }

    func run() throws {
        Loop.block(signals: [SIGINT, SIGTERM])
        for signal in [SIGINT, SIGTERM] { signals.append(try loop.onSignal(signal) { [loop] in loop.stop(0) }) }
        timer = try loop.makeTimer { [weak self] in self?.ask() }
        output = try PacedOutput(desk.output, on: loop) { [loop] in loop.stop(0) }
        ask()
        _ = try loop.run()
        if let failure { throw failure }
        if !desk.wantsJSON, let cursor { desk.tell("go on with --follow --after \(cursor)") }
    }

    private func ask() {
        askedAt = loop.now
        let after = cursor.map { [(QueryParameter.after, $0.text)] } ?? []
        let question = Question(.events, query: query + after + [(.wait, "\(Limits.waitSecondsMax)")])
        desk.conversation.send(question) { [weak self] result in
            self?.answered(
                result.flatMap { reply in Result { () throws(OperatorError) in try Told(reply, self?.desk) } })
        }
    }

    private func answered(_ result: Result<Told, OperatorError>) {
        switch result {
        case .success(let told):
            if failures > 0 { desk.tell("the coordinator answers again") }
            (failures, hasAnswered) = (0, true)
            output?.write(told.text) { [weak self] in self?.written(told) }
        case .failure(let error): failed(error)
        }
    }

    private func written(_ told: Told) {
        cursor = told.next
        let next = askedAt + Self.emptyPause
        if told.text.isEmpty, loop.now < next { timer?.arm(at: next) } else { ask() }
    }

    private func failed(_ error: OperatorError) {
        // The coordinator was restored: what the copy did not have cannot be told, and what comes is not to be missed.
        if error.code == .gone, cursor != nil {
            desk.tell("\(error); going on from the newest lines")
            cursor = nil
            return ask()
        }
        // Before its first answer it is more likely that the address is wrong than that it restarts.
        guard let least = error.retryAfter, hasAnswered else {
            failure = error
            return loop.stop(0)
        }
        if failures == 0 { desk.tell("lost the coordinator, trying again until it answers: \(error)") }
        let longest = min(Self.pauses.lowerBound * (1 << min(failures, 10)), Self.pauses.upperBound)
        failures += 1
        // From the upper half, so that not all who follow come back at one moment.
        let chance = Double(desk.surroundings.random() >> 11) / Double(1 << 53)
        timer?.arm(at: loop.now + max(least, longest * (0.5 + 0.5 * chance)))
    }
}

/// One page of the log, ready to be written.
private struct Told {
    let text: String
    let next: EventCursor

    init(_ reply: Reply, _ desk: Desk?) throws(OperatorError) {
        let lines = try reply.read(LogLines.self)
        next = lines.next
        guard desk?.wantsJSON == true else {
            text = lines.events.map(line).joined()
            return
        }
        let items = (try? reply.document.root.object().required(LogLines.key).array().map(\.verbatim)) ?? []
        text = items.map { printableJSON($0, onOneLine: true) + "\n" }.joined()
    }
}
