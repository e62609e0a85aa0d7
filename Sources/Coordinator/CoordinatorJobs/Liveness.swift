import CoordinatorHeart
import Platform

/// Finds those who have fallen silent. When the coordinator itself was away, which the heart's clock shows, nobody has.
struct Liveness: Job {
    let heart: Heart
    let period = Duration.seconds(1)

    func run() {
        heart.beat()
        heart.examineLiveness()
    }
}
