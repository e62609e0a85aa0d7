import CoordinatorHeart
import Platform

/// Writes down when hosts were last heard.
struct Contacts: Job {
    let heart: Heart
    /// It looks at every host, and what it writes is a minute old.
    let period = Duration.seconds(5)

    func run() { heart.flushContacts() }
}
