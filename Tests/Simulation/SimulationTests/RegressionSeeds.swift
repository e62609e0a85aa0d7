/// Seeds that once broke a promise, each with its story. A seed means another run as soon as anything draws more or less chance,
/// so what they found is also held by small tests beside the code that was wrong.
enum RegressionSeeds {
    struct Regression: Sendable {
        let seed: UInt64
        let story: String
    }

    static let all = [
        Regression(
            seed: 16,
            story: """
                An agent is deleted, and its replica's end reported while the replica still shuts down. Its token is no longer
                good, so it asks for another one, and becomes the primary of a new agent, which orders replicas of its own.
                """)
    ]
}
