import Platform

/// Writes to a stream as fast as its reader takes it and no faster, so that a reader who stopped holds up no signal, and
/// tells when the reader is gone.
final class PacedOutput {
    private let stream: StandardStream
    private let closed: () -> Void
    private var watch: (any DescriptorWatch)?
    private var text = ""
    /// How far it is written.
    private var position = "".startIndex
    private var written: (() -> Void)?

    /// A pipe that is ready for writing takes so many bytes without making us wait (PIPE_BUF, pipe(7)).
    private static let pieceBytes = 4096

    init(_ stream: StandardStream, on loop: any EventLoop, closed: @escaping () -> Void) throws {
        (self.stream, self.closed) = (stream, closed)
        // Files and /dev/null cannot be watched and need not be: they are always ready.
        watch = try? loop.watch(descriptor: stream.descriptor, for: []) { [weak self] in self?.ready($0) }
    }

    /// One text at a time: the next one when `written` was called.
    func write(_ text: String, _ written: @escaping () -> Void) {
        precondition(self.written == nil, "a text is written before the one before it is done")
        (self.text, position, self.written) = (text, text.startIndex, written)
        guard !isWritten, let watch else { return writeAll() }
        do { try watch.change(to: .writable) } catch { writeAll() }
    }

    private func ready(_ readiness: Readiness) {
        guard !readiness.contains(.failed) else { return end() }
        guard written != nil else { return }
        guard writePiece() else { return end() }
        if isWritten { done() }
    }

    private func writeAll() {
        while !isWritten { guard writePiece() else { return end() } }
        done()
    }

    private var isWritten: Bool { position == text.endIndex }

    private func writePiece() -> Bool {
        var end = text.utf8.index(position, offsetBy: Self.pieceBytes, limitedBy: text.endIndex) ?? text.endIndex
        while end.samePosition(in: text.unicodeScalars) == nil { text.utf8.formIndex(before: &end) }
        let piece = String(text[position..<end])
        position = end
        return stream.write(piece)
    }

    private func done() {
        try? watch?.change(to: [])
        let written = written
        self.written = nil
        written?()
    }

    private func end() {
        watch?.cancel()
        watch = nil
        closed()
    }
}
