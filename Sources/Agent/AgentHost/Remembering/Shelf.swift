import Platform

/// The record file as the disk's thread has it: opened when it is needed, opened again after a fault.
final class Shelf: Sendable {
    enum Job: Sendable {
        case append([[[UInt8]]])
        case replace([[UInt8]], aside: String?)
    }

    enum Outcome: Sendable, Equatable {
        /// `isLong`: the file is worth writing anew.
        case done(isLong: Bool)
        case failed(String)
    }

    private struct State: ~Copyable {
        var file: RecordFile?
        var compactAt = Shelf.smallBytes
    }

    /// Below it a file is not worth writing anew.
    private static let smallBytes = 1 << 20
    /// How much longer a file is than it need be before it is written anew.
    private static let slack = 4

    private let path: String
    private let state = Locked(State())

    init(path: String) { self.path = path }

    /// On the disk's thread: it waits.
    func carryOut(_ job: Job) -> Outcome {
        state.withLock { state in
            do throws(PlatformError) {
                switch job {
                case .append(let batches): try append(batches, &state)
                case .replace(let lines, let aside): try replace(with: lines, aside: aside, &state)
                }
                return .done(isLong: (state.file?.size ?? 0) > state.compactAt)
            } catch {
                // What the file holds now is looked at again before the next write.
                state.file = nil
                return .failed(error.description)
            }
        }
    }

    private func append(_ batches: [[[UInt8]]], _ state: inout State) throws(PlatformError) {
        if state.file == nil {
            let good = try RecordFile.read(path)?.goodBytes ?? 0
            state.file = try RecordFile.open(path, goodBytes: good)
        }
        try state.file?.append(batches)
    }

    private func replace(with lines: [[UInt8]], aside: String?, _ state: inout State) throws(PlatformError) {
        state.file = nil
        if let aside, fileExists(path) { try renameFile(path, to: "\(path).\(aside)", doing: "put record aside") }
        try RecordFile.replace(path, with: lines)
        let size = lines.reduce(0) { $0 + $1.count }
        state.compactAt = max(Self.smallBytes, size * Self.slack)
    }
}
