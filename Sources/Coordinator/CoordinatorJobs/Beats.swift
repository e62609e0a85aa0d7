import CoordinatorHeart
import Platform

/// Shows those who listen to the live stream that we are here, and so finds out who is not there any more.
struct Beats: Job {
    let heart: Heart
    /// Proxies commonly drop a connection that is silent for 30 s, and a page that hears nothing for so long reconnects.
    let period = Duration.seconds(15)

    func run() { heart.events.beat() }
}
