import Crypto
import JSON
import Platform
import SQLite
import TestSupport
import Wire

// What a coordinator that came back must still know. Asked while no player plays.
extension Load {
    /// Compares what was acknowledged with what the coordinator answers and with what is in its file.
    func check(against coordinator: RunningCoordinator, seed: UInt64) throws {
        let file = try StoredFacts(path: coordinator.database)
        var chance = Chance(seed: seed)
        for player in players {
            try player.connect(port: coordinator.port)
            for slot in player.slots {
                compare(slot, with: file, player)
                try ask(about: slot, player, &chance)
            }
        }
        for finding in file.broken { players[0].note(finding) }
    }

    private func compare(_ slot: LoadPlayer.SlotMemory, with file: StoredFacts, _ player: LoadPlayer) {
        guard let id = slot.slot?.text else { return }
        guard let stored = file.slots[id] else { return player.note("slot \(id) is lost") }
        if stored.epoch < slot.epoch.number { player.note("the epoch of \(id) fell") }
        if stored.version < slot.version.number { player.note("the configuration version of \(id) fell") }
        for machine in slot.machines {
            guard let token = machine.token, !machine.isEnded else { continue }
            let hash = SHA256.hash(Array(token.secret.utf8)).bytes
            if file.tokens[hash] != machine.instance.text { player.note("the token of \(machine.instance) is lost") }
        }
        for command in slot.commands where file.commands[command.text] == nil {
            player.note("command \(command) is lost")
        }
        for command in slot.finished
        where file.commands[command.text].map({ ["pending", "delivered"].contains($0) }) == true {
            player.note("the result of \(command) is lost")
        }
        for incident in slot.incidents where !file.incidents.contains(incident.text) {
            player.note("incident \(incident) is lost")
        }
        for report in slot.reports where !file.reports.contains(report.id.text) {
            player.note("report \(report.id) is lost")
        }
    }

    private func ask(about slot: LoadPlayer.SlotMemory, _ player: LoadPlayer, _ chance: inout Chance) throws {
        guard let id = slot.slot else { return }
        var tokens: [InstanceID: String] = [:]
        for machine in slot.machines where !machine.isEnded { tokens[machine.instance] = machine.token?.secret }
        for token in tokens.values.sorted().prefix(2) {
            let reply = try player.ask("config", "GET", Route.configuration.path(id), token)
            let configuration = try reply.decode(Configuration.self)
            if !slot.waits.contains(configuration.settings.terminateWaitSeconds) {
                player.note("the settings of \(slot.name) are \(configuration.settings.terminateWaitSeconds)")
            }
        }
        // The newest are those that a crash endangers.
        let sample = slot.reports.suffix(2) + [slot.reports.randomElement(using: &chance)].compactMap { $0 }
        for report in sample {
            guard let token = tokens[report.machine] else { continue }
            let reply = try player.ask("repeat", "POST", report.path, token, report.body)
            if try reply.decode(ReportReply.self).outcome != .duplicate {
                player.note("report \(report.id) was acknowledged and is news")
            }
        }
    }
}

/// The coordinator's file, read beside it.
struct StoredFacts {
    var slots: [String: (epoch: Int64, version: Int64)] = [:]
    /// Instances by the hashes of their tokens.
    var tokens: [[UInt8]: String] = [:]
    /// States by id.
    var commands: [String: String] = [:]
    var incidents: Set<String> = []
    var reports: Set<String> = []
    /// What must hold in any file, whatever was acknowledged.
    var broken: [String] = []

    init(path: String) throws {
        var options = DatabaseOptions()
        options.access = .readOnly
        let database = try Database(path: path, options: options)
        broken = try database.integrityCheck()
        var facts = self
        try database.read { transaction in
            try transaction.forEach("SELECT id, epoch, config_version FROM slot") { row in
                facts.slots[try row.value(0)] = (try row.value(1), try row.value(2))
            }
            try transaction.forEach("SELECT token_hash, instance_id FROM host WHERE token_hash IS NOT NULL") { row in
                facts.tokens[try row.value(0)] = try row.value(1, as: String.self)
            }
            try transaction.forEach("SELECT id, state FROM command") { row in
                facts.commands[try row.value(0)] = try row.value(1, as: String.self)
            }
            facts.incidents = Set(try transaction.all("SELECT id FROM incident") { try $0.value(0, as: String.self) })
            facts.reports = Set(
                try transaction.all("SELECT report_id FROM report") { try $0.value(0, as: String.self) })
            facts.broken += try transaction.all(Self.brokenRules) { try $0.value(0, as: String.self) }
        }
        self = facts
    }

    /// What one transaction for each event promises: never two primaries, never none where somebody enrolled, and nothing
    /// without its line in the log.
    private static let brokenRules: StaticString = """
        SELECT 'slot ' || id || ' has ' || count(host.number) || ' primaries'
        FROM slot LEFT JOIN host ON host.slot_id = slot.id AND host.role = 'primary'
        WHERE slot.deleted_at IS NULL GROUP BY slot.id HAVING count(host.number) <> 1
        UNION ALL
        SELECT 'command ' || id || ' is not in the log' FROM command
        WHERE id NOT IN (SELECT command_id FROM event WHERE command_id IS NOT NULL)
        UNION ALL
        SELECT 'incident ' || id || ' is not in the log' FROM incident
        WHERE id NOT IN (SELECT incident_id FROM event WHERE incident_id IS NOT NULL)
        UNION ALL
        SELECT 'command ' || id || ' ended ' || count(*) || ' times' FROM (
            SELECT command_id AS id FROM event
            WHERE kind IN ('command_done', 'command_failed', 'command_expired', 'command_cancelled'))
        GROUP BY id HAVING count(*) > 1
        LIMIT 20
        """
}
