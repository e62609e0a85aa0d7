import CoordinatorHeart
import HTTPServer
import Wire

/// The text form that Prometheus scrapes. No tenant's name is in it: anyone may read it.
struct MetricsPage {
    private var text = ""

    var bytes: [UInt8] { Array(text.utf8) }

    mutating func add(_ totals: Totals) {
        group("spot_agents", "gauge", "Slots by what the store knows of them.", totals.agents)
        group("spot_hosts", "gauge", "Machines by role.", totals.hosts)
        group("spot_commands_open", "gauge", "Commands that are not finished, by state.", totals.openCommands)
        single(
            "spot_incidents_open", "gauge", "Interruptions, recommendations and planned work that are not over.",
            totals.openIncidents)
        single("spot_drills_open", "gauge", "Drills without a verdict.", totals.openDrills)
        single("spot_database_bytes", "gauge", "Size of the database file.", totals.databaseBytes)
    }

    mutating func addExposed(_ totals: Totals, _ heart: Heart) {
        let slots = totals.agents.filter { $0.key != AgentStatus.deleted.rawValue }.values.reduce(0, +)
        single(
            "spot_agents_exposed", "gauge", "Slots that would not survive an interruption now.",
            max(0, slots - heart.survivingAgents))
    }

    mutating func add(_ heart: Heart) {
        group("spot_hosts_enrolled", "gauge", "Enrolled hosts by whether they are heard.", heart.presences)
        group("spot_events_total", "counter", "Lines of the event log by kind, since the start.", heart.eventCounts)
        group("spot_drill_events_total", "counter", "The same, of drills.", heart.drillEventCounts)
        let counts = heart.counts
        single("spot_heartbeats_total", "counter", "Heartbeats heard.", counts.heartbeats.now)
        single("spot_heartbeats_decided_total", "counter", "Heartbeats with news.", counts.heartbeatsDecided.now)
        single("spot_commits_total", "counter", "Transactions committed.", counts.commits.now)
        single("spot_commits_failed_total", "counter", "Transactions that could not be.", counts.failedCommits.now)
        single("spot_decisions_total", "counter", "Events decided.", counts.works.now)
        single(
            "spot_commit_microseconds_total", "counter", "Time spent deciding and committing.",
            counts.commitMicroseconds.now)
        single("spot_writer_queue", "gauge", "Events that wait for the writer.", heart.queueDepth)
    }

    mutating func add(_ vitals: Vitals) {
        group("spot_trouble", "gauge", "Why the coordinator is not healthy: 1 for each reason.", vitals.troubles)
    }

    mutating func add(_ counters: ListenerCounters) {
        single("spot_http_connections", "gauge", "Open connections.", Int(counters.open))
        single("spot_http_parked", "gauge", "Requests that are parked.", Int(counters.parked))
        single("spot_http_streams", "gauge", "Live streams that are open.", Int(counters.streams))
        single("spot_http_requests_total", "counter", "Requests received.", Int(counters.requests))
        single("spot_http_rejected_total", "counter", "Requests that were none.", Int(counters.rejected))
    }

    private mutating func single(_ name: String, _ type: String, _ help: String, _ value: Int) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n\(name) \(value)\n"
    }

    private mutating func group(_ name: String, _ type: String, _ help: String, _ values: [String: Int]) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
        for (label, value) in values.sorted(by: { $0.key < $1.key }) {
            text += "\(name){kind=\"\(label)\"} \(value)\n"
        }
    }
}
