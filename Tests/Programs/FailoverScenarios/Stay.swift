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
            say("   Enter it:              nsenter --target \(try id(of: box)) --all --wdns=/root      (\(box.name))")
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

    /// What its shell is called out here, where other towns may have a machine of that name.
    private func id(of box: Box) throws -> Int32 {
        let shell = try box.ask("readlink /proc/$$/ns/pid; echo $$").split(separator: "\n").map(String.init)
        let search = #"""
            for p in $(pgrep -xf "/bin/bash /box/test $0"); do
              [ "$(readlink /proc/$p/ns/pid)" != "$1" ] || sed -n "s/^NSpid:.*\t$2\$/$p/p" /proc/$p/status
            done
            """#
        let found = try ChildProcess("/bin/sh", ["-c", search, box.name] + shell).waitForEnd()
        guard let id = Int32(found.output.prefix(while: \.isNumber)) else {
            throw Broken("no process of \(box.name): \(found.output)\(found.errors)")
        }
        return id
    }
}
