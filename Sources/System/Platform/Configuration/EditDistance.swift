/// The candidate that `word` was most likely meant to be, or nil when none is near.
///
/// Near means: at most a third of its characters, and at least two, were added, left out, changed or swapped.
package func nearest(to word: String, among candidates: [String]) -> String? {
    let typed = Array(word.uppercased().utf8)
    // Nobody mistypes a name of that length, and the work grows with its square.
    guard typed.count <= 100 else { return nil }
    let ranked = candidates.map { ($0, editDistance(typed, Array($0.uppercased().utf8))) }
    guard let best = ranked.min(by: { $0.1 < $1.1 }), best.1 <= max(2, typed.count / 3), best.1 < typed.count else {
        return nil
    }
    return best.0
}

/// Additions, omissions, changes and swaps of neighbours that lead from one word to the other.
func editDistance(_ from: [UInt8], _ to: [UInt8]) -> Int {
    var beforePrevious: [Int] = []
    var previous = Array(0...to.count)
    for (row, letter) in from.enumerated() {
        var current = [row + 1]
        for (column, other) in to.enumerated() {
            var cost = min(previous[column] + (letter == other ? 0 : 1), previous[column + 1] + 1, current[column] + 1)
            if row > 0, column > 0, letter == to[column - 1], from[row - 1] == other {
                cost = min(cost, beforePrevious[column - 1] + 1)
            }
            current.append(cost)
        }
        (beforePrevious, previous) = (previous, current)
    }
    return previous[to.count]
}
