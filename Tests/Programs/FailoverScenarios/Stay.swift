import Glibc
import Platform
import TestSupport

/// A town to walk about in, until somebody ends it. Its daemons log into their journals, and who was replaced is a new machine
/// some seconds later, so that the next drill finds a replica.
func stay(_ town: Town) throws {
    say("== Starting a coordinator and two machines: each boots, and installs its package")
    try town.settle()
    try town.logIntoJournals()
    // Else a trigger of dpkg's, which a town has no time for.
    for box in town.boxes { try box.ask("journalctl --update-catalog") }
    try town.waitForReadiness()
    try town.sayWhatThereIs()
    let surroundings = SystemSurroundings()
    var movedAt: Duration?
    while !isInterrupted(within: .milliseconds(500)) {
        guard town.witness.sight.names == [town.replica.box.name] else {
            movedAt = nil
            continue
        }
        let now = surroundings.monotonic()
        movedAt = movedAt ?? now
        // Long enough to look at what was left behind.
        guard let moved = movedAt, now - moved >= .seconds(20) else { continue }
        movedAt = nil
        let name = town.primary.box.name
        do {
            try town.goOn()
            say("== The workload has moved; machine \(name) is a new one now, and the replica")
        } catch { say("== Machine \(name) does not become a new one: \(error)") }
    }
    say("\n== Stopping")
}

/// By Ctrl-C, or by whoever started us.
private func isInterrupted(within time: Duration) -> Bool {
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    for signal in [SIGINT, SIGTERM] { unsafe sigaddset(&signals, signal) }
    unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
    var limit = timespec(tv_sec: 0, tv_nsec: Int(time / .nanoseconds(1)))
    return unsafe sigtimedwait(&signals, nil, &limit) > 0
}

extension Town {
    fileprivate func sayWhatThereIs() throws {
        say("\n== A workload, web.service, on machine \(primary.box.name); machine \(replica.box.name) is ready\n")
        for box in boxes {
            // The oldest is its shell, and not a child of that.
            let search = try ChildProcess("/usr/bin/pgrep", ["-oxf", "/bin/bash /box/test \(box.name)"]).waitForEnd()
            guard let id = Int32(search.output.prefix(while: \.isNumber)) else {
                throw Broken("no process of \(box.name)")
            }
            say("   Enter it:              nsenter --target \(id) --all --wdns=/root      (\(box.name))")
        }
        say(
            """

               There, on a machine:   spot-agent status; spot-agent check
                                      spot-agent drill             (on the one that serves)
                                      journalctl -x -f -u spot-agent -u web
                                      and whatever may go wrong: systemctl poweroff, kill -9, …
               On the coordinator:    o="--server \(Town.hallURL) --ca-file /etc/spot-optimizer/tls.crt --token-file /etc/credstore/admin-token"
                                      spot-coordinator agents $o; spot-coordinator incidents $o
                                      journalctl -x -f -u spot-coordinator
               End:                   Ctrl-C

            """)
    }
}
