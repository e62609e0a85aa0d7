import CoordinatorHeart
import Platform

/// Moves what was committed from the write-ahead log into the database file, beside the writer.
struct Checkpoints: Job {
    let heart: Heart
    /// At full speed the log grows by some 10 MB in that time.
    let period = Duration.seconds(1)

    func run() { heart.checkpoint() }
}
