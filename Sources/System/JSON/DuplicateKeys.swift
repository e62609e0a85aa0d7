/// How many duplicate keys are remembered. One is enough to refuse a text and a few are enough to mend it, and each
/// costs a walk over the tape when its path is asked for.
private let reportedMax = 8

/// Up to this many keys are compared with each other, which for a typical object is faster than hashing them.
private let comparedPairwiseMax = 16

/// The values whose key their object had before, object after object. Keys are equal when their bytes are, once escapes
/// are resolved: JSON knows nothing of Unicode's equivalences.
func findDuplicateKeys(_ nodes: [Node], in bytes: [UInt8]) -> [Int] {
    var found: [Int] = []
    for index in nodes.indices where nodes[index].kind == .object {
        let children = index + 1..<Int(nodes[index].next)
        if needsHashing(nodes, children) {
            hashKeys(nodes, children, in: bytes, into: &found)
        } else {
            compareKeys(nodes, children, in: bytes, into: &found)
        }
        if found.count >= reportedMax { break }
    }
    return found
}

/// True for many keys, and for any with an escape, so that it is resolved once instead of at each comparison.
private func needsHashing(_ nodes: [Node], _ children: Range<Int>) -> Bool {
    var count = 0
    var key = children.lowerBound
    while key < children.upperBound {
        count += 1
        if count > comparedPairwiseMax || nodes[key].isEscaped { return true }
        key = Int(nodes[key + 1].next)
    }
    return false
}

private func compareKeys(_ nodes: [Node], _ children: Range<Int>, in bytes: [UInt8], into found: inout [Int]) {
    var key = children.lowerBound
    // Most keys are seen to be new by their traits alone.
    var seen: UInt64 = 0
    while key < children.upperBound {
        let trait = trait(of: nodes[key], in: bytes)
        if seen & trait != 0 {
            var earlier = children.lowerBound
            while earlier < key, !areEqual(nodes[earlier], nodes[key], in: bytes) {
                earlier = Int(nodes[earlier + 1].next)
            }
            if earlier < key, found.count < reportedMax { found.append(key + 1) }
        }
        seen |= trait
        key = Int(nodes[key + 1].next)
    }
}

/// `Set` seeds its hashes for each process, so nobody can choose keys that collide.
private func hashKeys(_ nodes: [Node], _ children: Range<Int>, in bytes: [UInt8], into found: inout [Int]) {
    var seen: Set<ArraySlice<UInt8>> = []
    var key = children.lowerBound
    while key < children.upperBound, found.count < reportedMax {
        if !seen.insert(nodes[key].resolvedContents(in: bytes)).inserted { found.append(key + 1) }
        key = Int(nodes[key + 1].next)
    }
}

/// One bit of 64, made of the length and both ends of a key: equal keys have the same.
private func trait(of key: Node, in bytes: [UInt8]) -> UInt64 {
    guard key.length > 2 else { return 1 }
    let contents = key.contentsRange
    let (first, last) = (UInt64(bytes[contents.lowerBound]), UInt64(bytes[contents.upperBound - 1]))
    return 1 &<< (UInt64(key.length) &+ first &* 7 &+ last &* 13)
}

/// For keys without escapes.
private func areEqual(_ left: Node, _ right: Node, in bytes: [UInt8]) -> Bool {
    guard left.length == right.length else { return false }
    let text = bytes.span
    let distance = Int(right.offset) - Int(left.offset)
    for at in left.contentsRange where text[at] != text[at + distance] { return false }
    return true
}
