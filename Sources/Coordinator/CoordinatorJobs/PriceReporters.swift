import CoordinatorHeart
import Platform

/// Has exactly one slot of each kind report prices: when that one is gone, another takes over, and when it is back, one of
/// them stops.
struct PriceReporters: Job {
    let heart: Heart
    /// Prices are reported every five minutes.
    let period = Duration.seconds(60)

    func run() { heart.appointPriceReporters() }
}
