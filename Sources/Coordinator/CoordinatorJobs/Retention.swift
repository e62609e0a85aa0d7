import CoordinatorHeart
import Platform

/// Forgets what is past its time.
struct Retention: Job {
    let heart: Heart
    /// Not while everybody reconnects.
    let firstRun = Duration.seconds(600)
    let period = Duration.seconds(24 * 3600)

    func run() { heart.forget(asOf: heart.wall) }
}
