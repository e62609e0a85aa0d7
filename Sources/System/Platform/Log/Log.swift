/// Where entries go. Never blocks the caller, may be called from any thread.
package protocol LogSink: Sendable {
    func write(_ entry: LogEntry)
}

/// The way to write entries: a cheap value that is handed down, carrying the facts that all its entries share.
///
/// A message is constant, so that equal entries can be found and counted; what differs goes into fields, which are shown
/// after it. No secret and no body goes into either. Libraries do not log, they throw.
package struct Log: Sendable {
    private let sink: any LogSink
    private let threshold: LogLevel
    private let shared: [LogField]

    /// Entries less important than `threshold` are not made at all.
    package init(to sink: any LogSink, threshold: LogLevel = .info) {
        self.init(sink: sink, threshold: threshold, shared: [])
    }

    private init(sink: any LogSink, threshold: LogLevel, shared: [LogField]) {
        (self.sink, self.threshold, self.shared) = (sink, threshold, shared)
    }

    /// A log whose entries all carry `fields` as well.
    package func adding(_ fields: [LogField]) -> Log {
        Log(sink: sink, threshold: threshold, shared: shared + fields)
    }

    package func error(_ message: StaticString, id: MessageID? = nil, _ fields: @autoclosure () -> [LogField] = []) {
        write(.error, message, id, fields)
    }

    package func warning(_ message: StaticString, id: MessageID? = nil, _ fields: @autoclosure () -> [LogField] = []) {
        write(.warning, message, id, fields)
    }

    package func notice(_ message: StaticString, id: MessageID? = nil, _ fields: @autoclosure () -> [LogField] = []) {
        write(.notice, message, id, fields)
    }

    package func info(_ message: StaticString, id: MessageID? = nil, _ fields: @autoclosure () -> [LogField] = []) {
        write(.info, message, id, fields)
    }

    package func debug(_ message: StaticString, id: MessageID? = nil, _ fields: @autoclosure () -> [LogField] = []) {
        write(.debug, message, id, fields)
    }

    private func write(_ level: LogLevel, _ message: StaticString, _ id: MessageID?, _ fields: () -> [LogField]) {
        // Looked at first, so that a level that is off costs a comparison.
        guard level <= threshold else { return }
        sink.write(LogEntry(level: level, message: message, id: id, fields: shared + fields()))
    }
}
