/// Seeds that once broke a promise, each with its story. A seed means another run as soon as anything draws more or less chance,
/// so what they found is also held by small tests beside the code that was wrong.
enum RegressionSeeds {
    struct Regression: Sendable {
        let seed: UInt64
        let story: String
    }

    static let all: [Regression] = []
}
