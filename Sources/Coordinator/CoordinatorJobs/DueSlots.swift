import CoordinatorHeart
import Platform

/// Lets time pass for the slots whose time has come: leases and lives of commands, deadlines of incidents, waits of machines.
struct DueSlots: Job {
    let heart: Heart
    /// A look at one number while nothing is due. Deadlines are seconds, so a fifth of one is soon enough.
    let period = Duration.milliseconds(200)

    func run() { heart.passTime() }
}
