import Platform
import Synchronization

/// What has come of a request so far.
struct Arrival {
    enum Progress {
        case requestLine
        case body
        case complete
    }
    let target: String
    var progress = Progress.requestLine
    var request: Request?
    var bodyLimit = 0
    /// Bytes read only to be thrown away, because the body is over its limit.
    var discarded = 0
    var stream: ResponseStream?

    init(target: String) { self.target = target }
}

/// The worker's side: called only in the library's callbacks, on the worker that serves the connection.
extension Exchange {
    /// What the worker has to do now.
    enum Step {
        case read
        case send(Answer, closing: Bool)
        case wait
        case close
    }

    /// The header is complete.
    func begin(_ head: RequestHead) -> Step {
        core.counters.requests.increment()
        arrival.progress = .body
        let limits = core.options.limits
        var refused: RefusedRequest {
            RefusedRequest(method: head.method, target: arrival.target, headers: head.headers, peer: connection.peer)
        }
        guard !head.isOverLimit else {
            return reject(431, "the header is longer than \(limits.headerBytes) bytes", refused)
        }
        guard head.namesOneHost else { return reject(400, "Host: expected one, with a name", refused) }
        guard let framing = BodyFraming(head.headers, isHTTP11: head.isHTTP11) else {
            return reject(400, "the length of the body is not clear", refused)
        }
        guard
            var request = Request(
                method: head.method, target: arrival.target, headers: head.headers, peer: connection.peer,
                isTLS: connection.isTLS)
        else { return reject(400, "the target is not clear", refused) }
        arrival.bodyLimit = bodyLimit(of: request)
        if case .length(let length) = framing {
            // To close a connection with something unread resets it, and a reset overtakes the answer: so what comes anyway
            // is read first. Who waits for our word sends nothing.
            guard
                length <= arrival.bodyLimit
                    || (length <= Self.discardLimit && head.headers.occurrences(of: "expect") == 0)
            else { return rejectBody(of: request) }
            request.body.reserveCapacity(min(length, Self.bodyReserve))
        }
        arrival.request = consume request
        guard framing != .none else { return .read }
        let end = core.now() + core.times.body
        return connection.allow(until: end, forRequest: true) ? .read : .close
    }

    /// The library refuses some request on this worker. If it is this one, whose header it has and has not shown us, it would
    /// send the header of its answer twice (0.9.75), so it is kept from sending anything.
    func refusedByLibrary(status: Int) {
        guard arrival.progress == .requestLine, suspension.hasHeader else { return }
        let reason =
            switch status {
            case 413: "the length of the body is no number that anybody could send"
            case 431: "the header has too many fields"
            default: "the length of the body is not clear"
            }
        connection.end(saying: Refusal(status: status, reason: reason, request: nil))
    }

    func receive(_ bytes: UnsafeBufferPointer<UInt8>) -> Step {
        guard arrival.progress == .body else { return .close }
        let room = arrival.bodyLimit - (arrival.request?.body.count ?? 0)
        guard arrival.discarded == 0 && bytes.count <= room else {
            // The library cannot answer in the middle of a chunked body: it is read to its end and thrown away.
            arrival.request?.body = []
            arrival.discarded += bytes.count
            return arrival.discarded <= Self.discardLimit ? .read : .close
        }
        unsafe arrival.request?.body.append(contentsOf: bytes)
        return .read
    }

    /// The request is complete, or a parked one has been resumed.
    func proceed() -> Step {
        guard arrival.progress == .body, let request = arrival.request.take() else { return nextStep() }
        arrival.progress = .complete
        guard arrival.discarded == 0 else { return rejectBody(of: request) }
        guard connection.allow(until: Connection.noDeadline) else { return .close }
        state.withLock { $0 = .handling }
        let refused = RefusedRequest(request)
        core.handler(request, self)
        return nextStep(of: refused)
    }

    /// The connection is done with this request, whatever became of it.
    func completed() {
        state.withLock { state in
            if case .answered(.stream(let stream, _)) = state { arrival.stream = stream }
            state = .sent
        }
        arrival.stream?.ended()
        connection.allow(until: core.now() + core.times.idle)
    }

    /// `request` is given when its handler has just returned.
    private func nextStep(of request: RefusedRequest? = nil) -> Step {
        let step: Step? = state.withLock { state in
            // Taken out: a copy of the answer would be counted up and down for each request.
            switch consume state {
            case .handling:
                state = .sent
                return nil
            case .parking(let park):
                // Under the lock: nobody can answer, and so resume, before the library has suspended.
                state = .parked(park)
                suspension.suspend()
                return .wait
            case .answered(let answer):
                state = .sent
                return .send(answer, closing: core.isStopping)
            // Once it is being stopped, the library drops the answer it was given, without a word, and asks again.
            case .sent:
                state = .sent
                return .close
            case .arriving, .parked:
                preconditionFailure("the library asked again for a request it has not resumed")
            }
        }
        guard let step else {
            core.counters.unanswered.increment()
            return refuse(500, "the request was not answered", request)
        }
        guard case .send = step else { return step }
        if case .send(.stream(let stream, _), _) = step { arrival.stream = stream }
        connection.allow(until: core.now() + core.times.answer)
        return step
    }

    private func bodyLimit(of request: Request) -> Int {
        guard let limit = core.options.bodyLimit else { return core.options.limits.bodyBytes }
        return limit(request)
    }

    private func rejectBody(of request: Request) -> Step {
        reject(413, "the body is longer than \(arrival.bodyLimit) bytes", RefusedRequest(request))
    }

    private func reject(_ status: Int, _ reason: String, _ request: RefusedRequest) -> Step {
        core.counters.rejected.increment()
        arrival.progress = .complete
        state.withLock { $0 = .sent }
        return refuse(status, reason, request)
    }

    private func refuse(_ status: Int, _ reason: String, _ request: RefusedRequest?) -> Step {
        let end = core.now() + core.times.answer
        guard connection.allow(until: end) else { return .close }
        let answer = core.options.refusal(Refusal(status: status, reason: reason, request: request))
        return .send(.response(answer), closing: true)
    }

    /// A client that announces a body and sends none costs this much, not what it announced.
    private static let bodyReserve = 16 << 10
    /// How much of a body over its limit is still read, so that the client gets its 413 and not a broken connection.
    private static let discardLimit = 4 << 20
}

/// Digits only: `Int` would also take a sign.
private func decimal(_ text: Span<UInt8>) -> Int? {
    guard text.count > 0 else { return nil }
    var number = 0
    for place in text.indices {
        let digit = text[place] &- UInt8(ascii: "0")
        let (tens, isOver) = number.multipliedReportingOverflow(by: 10)
        let (sum, isOverToo) = tens.addingReportingOverflow(Int(digit))
        guard digit < 10, !isOver, !isOverToo else { return nil }
        number = sum
    }
    return number
}

/// The header as the library parsed it.
struct RequestHead {
    let method: String
    let isHTTP11: Bool
    let headers: HeaderFields
    let isOverLimit: Bool

    /// RFC 9112 (3.2): of two names a proxy before us may have gone by the other. HTTP/1.0 needs none.
    var namesOneHost: Bool {
        switch headers.withSoleValue(of: "host", { $0.count > 0 }) {
        case .none: !isHTTP11
        case .one(let isNamed): isNamed
        case .several: false
        }
    }
}

/// How the end of a body is found. Where two servers could disagree about it, a request can be smuggled past the first
/// one (RFC 9112, 11.2): such a header is refused. The library alone would take the first of two lengths and prefer an
/// encoding to a length.
enum BodyFraming: Equatable {
    case none
    case length(Int)
    case chunked

    init?(_ headers: HeaderFields, isHTTP11: Bool) {
        let length = headers.withSoleValue(of: "content-length", decimal)
        switch (length, headers.occurrences(of: "transfer-encoding")) {
        case (.none, 0): self = .none
        case (.one(let length?), 0): self = length == 0 ? .none : .length(length)
        case (.none, 1):
            guard isHTTP11, headers[name: "transfer-encoding"]?.lowercased() == "chunked" else { return nil }
            self = .chunked
        default: return nil
        }
    }
}
