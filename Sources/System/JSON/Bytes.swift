extension Span<UInt8> {
    /// Whether it is this text, byte for byte.
    @inlinable
    package func hasSameBytes(as other: Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        // To the end, whatever is found on the way: so the compiler compares many bytes at a time.
        var difference: UInt8 = 0
        for place in 0..<count { difference |= self[place] ^ other[place] }
        return difference == 0
    }
}

extension OutputSpan<UInt8> {
    /// There must be room for it.
    package mutating func append(_ text: Span<UInt8>) {
        precondition(freeCapacity >= text.count, "no room for \(text.count) more bytes")
        unsafe withUnsafeMutableBufferPointer { target, count in
            unsafe text.withUnsafeBufferPointer { source in
                _ = unsafe target[count...].initialize(fromContentsOf: source)
            }
            count += text.count
        }
    }
}
