import Platform
import TestSupport

/// A town to walk about in, until somebody ends it. Its daemons log into their journals, and who was replaced is a new machine
/// some seconds later, so that the next drill finds a replica.
func stay(_ town: Town) throws {
    say("== Starting a coordinator and two machines: each boots, and installs its package")
    try town.settle()
    try town.logIntoJournals()
    try town.waitForReadiness()
    try town.sayWhatThereIs()
    while true {
        // For ever: nobody waits for it.
        try eventually("a workload that has moved", within: .seconds(1 << 30)) {
            town.witness.sight.names == [town.replica.box.name]
        }
        try town.rest(for: .seconds(20))
        let box = town.primary.box.name
        try town.goOn()
        say("== The workload has moved; machine \(box) is a new one now, and the replica")
    }
}

extension Town {
    fileprivate func sayWhatThereIs() throws {
        say("\n== A workload, web.service, on machine \(primary.box.name); machine \(replica.box.name) is ready\n")
        for box in boxes {
            let search = try ChildProcess("/usr/bin/pgrep", ["-xf", "/bin/bash /box/test \(box.name)"]).waitForEnd()
            guard let id = Int32(search.output.split(separator: "\n").first ?? "") else {
                throw Broken("no process of \(box.name)")
            }
            say("   Enter it:              nsenter --target \(id) --all --wd=/root      (\(box.name))")
        }
        say(
            """

               There, on a machine:   spot-agent status; spot-agent check
                                      spot-agent drill             (on the one that serves)
                                      journalctl -x -f -u spot-agent -u web
                                      and whatever may go wrong: systemctl poweroff, kill -9, …
               On the coordinator:    spot-coordinator agents --server \(Town.hallURL) --ca-file /etc/spot-optimizer/tls.crt
                                      journalctl -x -f -u spot-coordinator
               End:                   Ctrl-C

            """)
    }

    fileprivate func rest(for time: Duration) throws {
        _ = journal.wait(since: journal.count, for: .max, within: time) { _ in false }
    }
}
