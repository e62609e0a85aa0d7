import JSON

/// The bounds of everything that crosses the network. Past one of them a message is refused, with the path of the
/// fault, unless the comment says otherwise.
package enum Limits {
    // MARK: Bodies, in bytes. A larger one is answered 413 before it is read.

    /// The fullest heartbeat, every list full of the longest names, has some 7 KB; a usual one 400 bytes.
    package static let smallBodyBytes = 16 * 1024
    /// A command's result carries a ledger, 32 KB with the longest names, and up to `inspectedMax` instances.
    package static let resultBodyBytes = 64 * 1024
    /// `poolsMax` pools with the longest names are 280 KB, and a clean-up with every list full is 430 KB.
    package static let reportBodyBytes = 512 * 1024
    /// What an agent reads of a reply. The largest is one incident with a full timeline, 300 KB; `commandsMax`
    /// commands are 40 KB. A longer reply counts as no answer.
    package static let replyBytes = 1024 * 1024

    /// What an operator's command reads of a reply. The largest bounded one is a list of commands with the longest
    /// sentences, 1.4 MB; clients come in one list without a bound, and this is 30,000 of them.
    package static let overviewBytes = 8 * 1024 * 1024

    // MARK: Lists, in entries

    /// Pools in one pricing report. One instance type has at most 8 zones in a region, so this is over 100 types.
    package static let poolsMax = 1024
    /// Commands in one answer. The rest follow in the next: a slot with more than a few waiting is in trouble already.
    package static let commandsMax = 16
    /// Commands that one host can be working on at once, each renewed by its heartbeat.
    package static let commandsRunningMax = 16
    /// Instances in the result of one inspection: a slot's primary, replicas and zombies.
    package static let inspectedMax = 64
    /// Replicas or instances to terminate in one list. A slot has a handful.
    package static let hostsMax = 256
    /// Images or snapshots in one list of a clean-up report; the agent ends a pass here and goes on in the next.
    package static let cleanedMax = 1000
    /// Failures of one clean-up pass; further ones the agent leaves out, since the next pass meets them again.
    package static let failuresMax = 100
    /// Steps in one ledger: a failover has about twelve, a resumed one repeats some.
    package static let stepsMax = 64
    /// Lines in one incident's timeline, with the steps of its ledger; of the log's lines these are the first.
    package static let timelineMax = 256
    /// Incidents in one answer, told without ledger and timeline; a cursor leads to the next.
    package static let incidentsMax = 100
    /// Lines of one list made for an operator; a cursor leads to the next. Five hundred agents are 300 KB.
    package static let overviewMax = 500
    /// Live streams at once: each is a page that somebody has open, or a program. One more is told to come again.
    package static let streamsMax = 1280
    /// Of these, those of all clients together, so that operators always find room, and those of one, so that others do.
    package static let clientStreamsMax = 1024
    package static let streamsOfClientMax = 256
    /// Zones that a new replica shall avoid: more than any region has.
    package static let zonesMax = 32
    /// What a replica can lack to be ready: there are half a dozen checks, and hooks of the operator's.
    package static let lackingMax = 16
    /// Hosts that stand by, and reasons why a slot would not survive: one for each of these hosts, and half a dozen others.
    package static let reasonsMax = 80
    /// Slots in one list of their readiness, each in short: they are loaded whole for it. A cursor leads to the next.
    package static let readinessMax = 100
    /// Instances that one heartbeat names as watched. Agents name themselves.
    package static let monitoredMax = 16

    // MARK: Texts, in bytes of UTF-8

    /// A sentence for a person: a message, a reason. The writer shortens it, so that no result is lost over its words.
    package static let sentenceBytes = 1024
    /// A name that is only shown: a host's, a version, a step's. As wide as the original database's columns.
    package static let nameBytes = 255

    // MARK: Numbers

    /// Dollars an hour; the dearest instance costs a few hundred.
    static let priceMax = JSONNumber(Int64(100_000))

    // MARK: Times, in seconds

    /// How long a heartbeat may park. A longer wait is shortened to this: proxies and address translators commonly
    /// drop a connection that is silent for 30 s, and the coordinator cannot see a parked peer vanish.
    package static let waitSecondsMax = 25
    /// The longest wait, lease or budget that a setting or a command can ask for: a day. Longer is a typing error.
    package static let settingSecondsMax = 86_400
    /// What the old primary may take to drain: what is left of EC2's two minutes after 10 s for us.
    package static let drainSeconds = 0...110
    /// The slowest heartbeat: three missed ones make a host unknown, and 5 minutes is already too long to notice.
    package static let heartbeatSecondsMax = 300
}
