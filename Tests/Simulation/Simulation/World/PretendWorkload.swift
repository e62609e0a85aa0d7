import AgentCore
import PretendHost

/// What the owner of a workload has put on its machines, and what he told their agents about it.
struct PretendWorkload {
    var takeOver = TakeOver()
    var hooks: [HookStage: [HookRun]] = [:]
    /// Its units are enabled.
    var startsWithMachine = false

    var units: [UnitName] { takeOver.units }

    static func drawn(_ chance: Chance) -> PretendWorkload {
        var workload = PretendWorkload()
        workload.takeOver.promoteUnits = chance.happens(0.5) ? ["web.service"] : ["store.service", "web.service"]
        if chance.happens(0.3) { workload.takeOver.drainUnits = ["web.service"] }
        if chance.happens(0.85) { workload.takeOver.probe = .url("http://127.0.0.1/health") }
        workload.takeOver.powersOffAsLastResort = chance.happens(0.2)
        workload.startsWithMachine = chance.happens(0.5)
        for stage in HookStage.allCases where chance.happens(0.25) {
            workload.takeOver.hooks.insert(stage)
            workload.hooks[stage] = (1...chance.whole(1...2)).map { number in
                // One that takes longer than its stage has is a fault, and comes to an end with the others.
                let took = min(.seconds(2), chance.tailed(.milliseconds(80)))
                return HookRun(name: "\(number)-\(stage.rawValue)", took: took, outcome: .done)
            }
        }
        return workload
    }
}
