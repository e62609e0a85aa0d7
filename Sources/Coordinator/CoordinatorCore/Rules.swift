/// The numbers that the rules are made of, each with its reason.
package enum Rules {
    // MARK: Priorities of commands: higher goes first

    /// Whatever an interruption forces.
    static let emergencyPriority = 100
    /// A person asked for it.
    static let manualPriority = 75
    /// Nobody waits for it.
    static let scheduledPriority = 10

    // MARK: Commands

    /// A person who asked for a switch has gone home by then.
    static let commandLife = Duration.seconds(3600)
    /// An order of a hand-over that nobody took up by then belongs to a world that is gone.
    static let handOverLife = Duration.seconds(180)
    /// EC2 needs 20 to 30 s for a launch, and minutes when it is short of capacity.
    static let launchLife = Duration.seconds(600)
    static let inspectionLife = Duration.seconds(60)
    /// Three heartbeats: a host that works on a command renews its lease with each.
    static let leaseSeconds = 10
    /// A host that cannot say that it still works on a switch: an image takes up to ten minutes, a launch five, the wait five, the
    /// end of the old machine five. It is handed out once.
    static let blindSwitchLease = 2400
    /// The same besides the wait, where that is set to be longer.
    static let blindSwitchWork = 1800
    /// The same for launches and terminations; and where a command may be handed out again it is, after this.
    static let blindLease = 360
    /// How long a successor may be unheard before another is chosen; its promotion may be half done.
    static let promotionPatience = Duration.seconds(30)

    /// Whoever waits for a host when the coordinator comes back waits for at least so long: it finds its way back within some
    /// heartbeats, with what it could not say meanwhile.
    package static let graceAfterAbsence = Duration.seconds(30)

    // MARK: Trying again

    /// How often a host that has no token of its own speaks at least, whatever the settings say.
    package static let tokenlessHeartbeatSeconds = 30
    /// While it works on a command it may say nothing: a launch takes up to five minutes.
    package static let workSilence = Duration.seconds(330)

    /// A person who is called to stop a workload needs about as long; doubled each time,
    static let retryPause = Duration.seconds(60)
    /// up to this: whoever put things right is not kept waiting for longer.
    static let longestPause = Duration.seconds(900)
    /// With the pauses between them some three hours. What was refused for so long is not done for being asked again, and whoever
    /// is on call has been called by then.
    package static let attemptsMax = 16

    // MARK: Incidents

    /// A primary that says that its workload does not run. An agent that starts anew says so for the seconds that its units
    /// take, and tries again once within this; a hand-over would stop what is just coming up.
    static let failurePatience = Duration.seconds(10)

    /// Signals without a time belong to an incident of the same machine that is at most this old, and a closed incident
    /// absorbs repeats for as long.
    package static let foldingTime = Duration.seconds(600)
    /// A drill's answer that got lost is asked for again within seconds; whoever rehearses once more wants a new one.
    static let drillFoldingTime = Duration.seconds(60)
    /// EC2 follows a rebalance recommendation within two hours or not at all, as the original's rule has it.
    static let rebalanceWindow = Duration.seconds(7200)
    /// The machine outlived its announced end by so much: the announcement was false.
    static let outlivedAfter = Duration.seconds(300)
    /// What an exclusive hand-over takes besides the drain, at the least that it can be planned with: 3 s to stop and be seen
    /// stopped, and 2 s for the messages, the start and the probe.
    package static let exclusiveHandOver = Duration.seconds(5)
    /// A replica that is not quite ready is promoted when no more than this is left: it may still work, waiting cannot.
    static let lastChoice = Duration.seconds(40)
    /// What EC2 gives.
    static let noticeTime = Duration.seconds(120)
    /// An end that is further away than this is nobody's to plan with.
    static let interruptionLead = Duration.seconds(600)
    /// Announced work on a machine moves the workload this long before.
    static let maintenanceLead = Duration.seconds(900)

    /// Open ones of a slot, beyond which a machine gets no second one: each is pursued at every look. Real machines announce
    /// one end, and a few dates of work on them.
    static let openIncidentsMax = 16

    // MARK: Machines

    /// After a termination that did not work, or was not answered.
    static let terminationRetry = Duration.seconds(300)
    /// An order for a replica that has not become one by then has failed.
    static let replicaLaunchTime = Duration.seconds(600)
    /// A machine that serves by its maker's word, and whose agent says nothing: its start takes a minute or two. It is offline
    /// when it has said nothing for as long as a launch takes.
    static let firstWordTime = Duration.seconds(180)
    /// A replaced machine that was not heard for so long is not there, or nobody can tell: as the original's retention has it.
    static let lostAfter = Duration.seconds(30 * 86_400)
    /// Between two looks at a silent host through another one,
    static let inspectionPause = Duration.seconds(30)
    /// at one that was silent for the whole time-out: the agent is gone and the machine is not, so nothing changes soon,
    static let offlineInspectionPause = Duration.seconds(300)
    /// and at one that was replaced: only the books are to be put right.
    static let zombieInspectionPause = Duration.seconds(3600)
    /// EC2 refuses launches for want of capacity within a second, and throttles who asks more often than this. It is the pause
    /// while a machine is still to go.
    static let emergencyLaunchPause = Duration.seconds(10)
    /// After a launch that failed, when nothing presses; doubled each time.
    package static let failureMemory = Duration.seconds(300)
    /// Looked at again after so long when an incident waits for something that has no time of its own.
    static let incidentLook = Duration.seconds(60)
    /// What the clocks of two hosts may differ in rate while a lease runs, and a late answer.
    package static let leaseMargin = Duration.seconds(2)

    /// Longer than what is silence and no more, three heartbeats, and what their answers take on a bad day.
    static func shortestLease(heartbeatSeconds: Int) -> Int { heartbeatSeconds * 3 + 6 }

    /// By how much an epoch that a host tells may be ahead of the record: a record is a restored one of some days or weeks ago,
    /// in which no workload moved so often. What is further ahead is a mistake, or a lie that would use the numbers up.
    static let epochsAheadMax: Int64 = 10_000

    // MARK: Bounds of one slot

    /// Open commands; a slot with more has a problem that another command does not solve.
    static let openCommandsMax = 64
    /// Hosts that serve or stand by.
    package static let hostsMax = 64
    /// With those that were replaced and may still run. More than anybody keeps on purpose, and a slot is loaded whole.
    package static let runningHostsMax = 512
    /// Terminations asked for at once: the primary has its own work, too.
    static let terminationsMax = 8
    /// Hosts that are asked at once to stop. More than one that may serve and must not is rare.
    static let stopsMax = 8
    /// Passes that bring a slot to rest; each does what the one before made possible. Three are enough for all that
    /// random walks do.
    static let passesMax = 8
    /// Replicas that a person can have at once.
    static let replicasMax = 8
}
