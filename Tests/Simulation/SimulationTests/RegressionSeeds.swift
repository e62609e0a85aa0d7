/// Seeds that once broke a promise, each with its story. A seed means another run as soon as anything draws more or less chance,
/// so what they found is also held by small tests beside the code that was wrong.
enum RegressionSeeds {
    struct Regression: Sendable {
        let seed: UInt64
        let story: String
    }

    static let all = [
        Regression(
            seed: 16,
            story: """
                An agent is deleted, and its replica's end reported while the replica still shuts down. Its token is no longer
                good, so it asks for another one, and becomes the primary of a new agent, which orders replicas of its own.
                """),
        Regression(
            seed: 110,
            story: """
                An old primary stops for its successor and cannot prove it, because a hook fails. The successor falls away. What
                the old one let go of under that epoch it never takes up again: nobody serves, for ever.
                """),
        Regression(
            seed: 1090,
            story: """
                A machine that was replaced starts anew, and its units with it. Its agent is killed before they are stopped, and
                its next process takes the boot for one that it knows.
                """),
        Regression(
            seed: 3743,
            story: """
                A successor starts the workload, and its agent is killed. The next process runs the hooks again, which fail now,
                and says that nothing runs, because it has not come to the start.
                """),
        Regression(
            seed: 13286,
            story: """
                The agent of a machine that is being fenced is restarted while its clock is wrong, and arms the fence for later
                than it was.
                """),
        Regression(
            seed: 30797,
            story: """
                An old primary that was called back serves again, and only then its answer arrives that it has stopped for the
                successor that fell away: another one is let serve beside it.
                """),
        Regression(
            seed: 51445,
            story: """
                The fence of an agent that died fires just before its next process is told to serve. What that one starts is
                stopped again by what the fence has begun, and nobody looks.
                """),
        Regression(
            seed: 55731,
            story: """
                A machine is suspended in the middle of a start. Its agent would stop first and ask second, but waits for the
                start that it is to call off.
                """),
        Regression(
            seed: 55837,
            story: """
                A service manager does not answer until a demotion has failed. Its agent takes the workload for another's, holds
                no fence any more, and tries no more to stop it.
                """),
        Regression(
            seed: 60018,
            story: """
                A machine waits to end itself after a switch when its agent is deleted. It enrols anew, serves, and ends itself.
                """),
        Regression(
            seed: 149,
            story: """
                EC2 shows an address at its old place for longer than a take-over lasts. Each successor fails for it, and for
                each that fails another machine is launched, a minute later, for ever.
                """),
        Regression(
            seed: 153_801,
            story: """
                An agent is killed while its units start, before the disk knows of it. The next process takes the workload for
                stopped, takes the fence away, and what comes up runs beyond the lease.
                """),
        Regression(
            seed: 301_729,
            story: """
                The coordinator's clock is being corrected, so that no heartbeat tells the time. A host that is to stop goes by
                its own clock, and its fence is late.
                """),
        Regression(
            seed: 20_000_086,
            story: """
                The machine that an old host launched in a switch enrols as an agent of its own, before the old host says that it
                did. It is made the primary of that one's agent, too, where nobody ever hears it.
                """),
        Regression(
            seed: 16_004_543,
            story: """
                A person deletes a replica while an old host launches its machine. The host tells of it, and the coordinator finds
                no replica to answer with, and traps.
                """),
        Regression(
            seed: 16_003_268,
            story: """
                A primary of the runbook build dies, and the coordinator restarts. Neither it nor its replica is known by an
                address any more, both are missed, and then the replica is heard as the primary.
                """),
        Regression(
            seed: 18_001_657,
            story: """
                A lease is set, and its host is cut off after it has the configuration and before its heartbeat is answered. The
                coordinator counts the lease from before, and the host does not count it at all: both serve.
                """),
    ]
}
