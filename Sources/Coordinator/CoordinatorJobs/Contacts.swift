import CoordinatorHeart
import Platform

/// Writes down when hosts were last heard.
struct Contacts: Job {
    let heart: Heart
    let period = Duration.seconds(1)

    func run() { heart.flushContacts() }
}
