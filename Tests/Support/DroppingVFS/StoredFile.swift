/// One file on a disk that drops: what programs see of it, and what a crash would leave.
///
/// Guarded by the lock of its disk.
final class StoredFile {
    enum Change {
        case write(offset: Int, bytes: [UInt8])
        case truncate(size: Int)
    }

    /// The smallest piece a disk writes as a whole.
    static let atom = 512
    /// What SQLite is told, and what a write that is cut off may destroy, bytes beside the written ones included.
    static let sector = 4096

    private(set) var content: [UInt8] = []
    private var durable: [UInt8] = []
    /// Since the last sync, in order.
    private var pending: [Change] = []
    let locks = FileLocks()
    /// Lives as long as some open file maps it, as the first opener of a real one begins with an empty one.
    weak var sharedMemory: SharedMemory?

    init(content: [UInt8] = []) {
        self.content = content
        durable = content
    }

    var size: Int { content.count }

    func copy(_ offset: Int, _ count: Int, to buffer: UnsafeMutableRawBufferPointer) {
        unsafe content.withUnsafeBytes { all in
            unsafe buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: all[offset..<(offset + count)]))
        }
    }

    func change(_ change: Change) {
        apply(change, to: &content)
        pending.append(change)
    }

    func synchronize() {
        for change in pending { apply(change, to: &durable) }
        pending.removeAll()
    }

    /// A failed sync as Linux has it: the pages count as clean afterwards, no later sync writes them.
    func failSynchronize() { pending.removeAll() }

    /// The file after a crash.
    func survivor(_ survival: Survival, _ chance: inout SeededGenerator) -> StoredFile {
        var bytes = durable
        if survival == .someUnsynced { keepSome(in: &bytes, &chance) }
        return StoredFile(content: bytes)
    }

    /// Each atom of each write arrives or does not. Applying those that do in their order covers every order a disk may
    /// choose: in the end each atom holds one of its writes.
    private func keepSome(in bytes: inout [UInt8], _ chance: inout SeededGenerator) {
        // Mostly kept, half, mostly lost: a uniform coin would almost never leave a long file nearly whole.
        let outOf8 = [1, 4, 7].randomElement(using: &chance) ?? 4
        for change in pending {
            switch change {
            case .truncate:
                if Int.random(in: 0..<8, using: &chance) < outOf8 { apply(change, to: &bytes) }
            case .write(let offset, let written):
                for atom in pieces(offset, written.count, of: Self.atom)
                where Int.random(in: 0..<8, using: &chance) < outOf8 {
                    let piece = Array(written[(atom.lowerBound - offset)..<(atom.upperBound - offset)])
                    apply(.write(offset: atom.lowerBound, bytes: piece), to: &bytes)
                }
                if chance.chance(oneIn: 16) { damage(offset, written.count, in: &bytes, &chance) }
            }
        }
    }

    /// The power went while a sector was written: its whole content may be anything.
    private func damage(_ offset: Int, _ count: Int, in bytes: inout [UInt8], _ chance: inout SeededGenerator) {
        guard let piece = pieces(offset, count, of: Self.sector).randomElement(using: &chance) else { return }
        let start = piece.lowerBound / Self.sector * Self.sector
        let garbage = [UInt8](repeating: UInt8.random(in: 0...255, using: &chance), count: Self.sector)
        let end = max(bytes.count, offset + count)
        apply(.write(offset: start, bytes: Array(garbage.prefix(end - start))), to: &bytes)
    }

    /// A range cut at multiples of `unit`.
    private func pieces(_ offset: Int, _ count: Int, of unit: Int) -> [Range<Int>] {
        let end = offset + count
        return stride(from: offset / unit * unit, to: end, by: unit).map { max($0, offset)..<min($0 + unit, end) }
    }
}

private func apply(_ change: StoredFile.Change, to bytes: inout [UInt8]) {
    switch change {
    case .write(let offset, let written):
        grow(&bytes, to: offset + written.count)
        // Copied as memory: a thousand crashes go through here, in debug builds too.
        unsafe bytes.withUnsafeMutableBytes { all in
            unsafe UnsafeMutableRawBufferPointer(rebasing: all[offset...]).copyBytes(from: written)
        }
    case .truncate(let size):
        if bytes.count > size { bytes.removeLast(bytes.count - size) }
        grow(&bytes, to: size)
    }
}

private func grow(_ bytes: inout [UInt8], to size: Int) {
    if bytes.count < size { bytes += [UInt8](repeating: 0, count: size - bytes.count) }
}
