import AgentCore
import CoordinatorCore
import JSON
import PretendCloud
import Wire

/// Deliberate breakages, each at a seam of the simulator and nowhere else: the programs that ship cannot have them. Each stands for
/// a mistake that somebody could make, and must be found by a checker: a checker that cannot fail checks nothing.
package enum Mutation: String, CaseIterable, Sendable {
    /// EC2 is asked for a machine under a new client token each time.
    case launchTokenNew
    /// What is only silent is taken for dead.
    case silenceIsDeath
    /// Another machine is ended than the command names.
    case otherMachineEnded
    /// The agent's record does not hold which commands were begun and ended.
    case commandsForgotten
    /// A crash takes what was written last, though it was synced.
    case recordTailLost
    /// The agent is told that its disk has what is still on its way there.
    case recordedBeforeWritten
    /// A host's lease is not counted.
    case leaseForgotten
    /// A report is acknowledged before its commit.
    case acknowledgedBeforeCommit
    /// A crash takes commits that were synced.
    case commitsLost
    /// A report of an older epoch counts as one of today.
    case epochUnchecked
    /// The same report, sent again, is another one.
    case repeatsCount
    /// A report is acknowledged and goes nowhere.
    case reportsSwallowed
    /// So does a notice.
    case noticesSwallowed
    /// A notice counts from when it came in, however long it had been seen.
    case lateNoticesAreNew
    /// Whose agent was deleted is told that its token is not good any more, and which agent it was in is forgotten.
    case deletionForgotten
    /// Nobody gets a newer configuration than it has.
    case configurationStale
    /// A replica that lacks something says that it is ready.
    case unreadyIsReady
    /// That the units were stopped is taken for granted.
    case stopAssumed
    /// That the workload serves is.
    case proofAssumed
    /// PID 1 has no timer, though the agent hears that it has.
    case fenceNotArmed
    /// A timer that was taken away is there all the same.
    case disarmForgotten
    /// Nobody tells the agent that its machine was suspended.
    case pauseUnnoticed
    /// A machine that was started anew looks as if it had not been.
    case bootUnnoticed
    /// Only the first of several units is stopped.
    case halfStopped
    /// "Fenced" is said though it was not.
    case fencedThoughNot
    /// A successor that is told to wait for the fence does not.
    case fenceNotAwaited
    /// The fence is the agent's own, and goes with it.
    case fenceDiesWithAgent
    /// A host counts its lease for longer than it was granted.
    case leaseOvercounted
    /// A host takes the last moment for earlier than it is,
    case lastMomentTooEarly
    /// or lets it pass.
    case lastMomentIgnored
    /// A promotion that was begun is forgotten over a restart of the agent, and not begun again.
    case courseForgotten
    /// An old order to stop is obeyed by whoever was told to serve since.
    case epochOfDemotionUnchecked
    /// What was stopped in doubt runs again before anybody was asked.
    case servesUnasked
    /// What an old host calls a machine that is not there yet is taken for one.
    case placeholderIsMachine
    /// The same prices of an old host, sent again, are others.
    case oldRepeatsCount
    /// An old host that says again that it ends is told again to launch a replica,
    case replicaSaidAtEachNotice
    /// and one that asks again for launches is told again of each.
    case launchesToldAgain
    /// The farewell of an old host that was replaced is taken for that of the one that serves.
    case farewellIsThePrimarys
}

/// The one mutation of a run, if any, where it bites.
final class Mutations {
    private let mutation: Mutation?
    private let chance: Chance
    var count = 0
    /// Promotions that were forgotten.
    var dropped: Set<CommandID> = []
    /// The launches that old hosts of each workload were told of last.
    var launches: [LogicalAgentID: Response] = [:]
    /// The last order to stop of each workload.
    var demotions: [LogicalAgentID: Command] = [:]

    init(_ mutation: Mutation?, _ chance: Chance) {
        self.mutation = mutation
        self.chance = chance
    }

    func are(_ mutation: Mutation) -> Bool { self.mutation == mutation }

    // MARK: EC2

    func asked(_ request: CloudRequest, by machine: Machine) -> CloudRequest {
        switch (mutation, request) {
        case (.launchTokenNew, .run(var launch)):
            count += 1
            launch.token += "-\(count)"
            return .run(launch)
        case (.otherMachineEnded, .terminate(let id)):
            let others = machine.world.machines.filter { $0.isRunning && $0.id != id && $0.place === machine.place }
            return .terminate(others.last?.id ?? id)
        default: return request
        }
    }

    func answered(
        _ answer: Result<CloudAnswer, CloudFault>, by machine: Machine
    ) -> Result<CloudAnswer, CloudFault> {
        guard mutation == .silenceIsDeath, case .success(.instances(let found)) = answer else { return answer }
        let now = machine.world.agenda.now
        return .success(
            .instances(
                found.map { instance in
                    var instance = instance
                    let spokeAt = machine.world.machine(instance.id)?.spokeAt ?? now
                    if instance.id != machine.id, now - spokeAt > .seconds(9) { instance.state = .terminated }
                    return instance
                }))
    }

    // MARK: A host

    func written(_ entries: [Entry]) -> [Entry] {
        guard mutation == .commandsForgotten else { return entries }
        return entries.filter { entry in
            switch entry {
            case .commandTaken, .commandEnded, .progressed: false
            default: true
            }
        }
    }

    func leaseEnd(_ end: Duration?) -> Duration? { mutation == .leaseForgotten ? nil : end }

    // MARK: The network

    /// Nil: it does not arrive.
    func arrives(_ request: Request, _ world: World, _ receive: (Response?) -> Void) -> Request? {
        var request = request
        if let (machine, call) = world.oldCall(of: request) { arrives(&request, call, from: machine) }
        switch (mutation, request.route) {
        case (.reportsSwallowed, .commandResult), (.reportsSwallowed, .switchReport):
            receive(Response(status: 200, body: encodeJSON(ReportReply(.accepted))))
            return nil
        case (.noticesSwallowed, .terminationImminent):
            let reply = NoticeReply(incident: "incident-of-nobody", action: .monitor, role: .primary, epoch: 1)
            receive(Response(status: 200, body: encodeJSON(reply)))
            return nil
        case (.lateNoticesAreNew, .terminationImminent): replace(#""seen_at":"#, with: "null", in: &request.body)
        case (.epochUnchecked, .terminationReport), (.epochUnchecked, .pricingReport),
            (.epochUnchecked, .cleanupReport):
            let slot = request.slot.flatMap { world.coordinator.slots[$0] }
            if let slot { replace(#""epoch":"#, with: "\(slot.epoch.number)", in: &request.body) }
        case (.repeatsCount, .terminationReport), (.repeatsCount, .pricingReport), (.repeatsCount, .switchReport):
            count += 1
            replace(#""report_id":"#, with: #""again-\#(count)""#, in: &request.body)
        case (.configurationStale, .configuration):
            receive(Response(status: 304))
            return nil
        case (.deletionForgotten, .register): replace(#""renews":"#, with: "null", in: &request.body)
        case (.unreadyIsReady, .heartbeat): replace(#""lacking":"#, with: "[]", in: &request.body)
        default: break
        }
        return request
    }

    func leaves(_ response: Response, to request: Request, _ world: World) -> Response {
        if let (machine, call) = world.oldCall(of: request) {
            var response = response
            leaves(&response, to: call, at: machine)
            return response
        }
        guard mutation == .deletionForgotten, response.status == 404, request.route == .heartbeat else {
            return response
        }
        let reply = ErrorReply(.invalidToken, "this token is not, or no longer, known")
        return Response(status: 401, body: encodeJSON(reply))
    }

    /// The value behind a key of a flat object, up to the next key.
    func replace(_ key: String, with value: String, in body: inout [UInt8]) {
        var text = String(decoding: body, as: UTF8.self)
        guard let place = text.range(of: key) else { return }
        let rest = text[place.upperBound...]
        var end = rest.startIndex
        var depth = 0
        while end < rest.endIndex {
            let letter = rest[end]
            if depth == 0, letter == "," || letter == "}" { break }
            if letter == "[" { depth += 1 }
            if letter == "]" { depth -= 1 }
            end = rest.index(after: end)
        }
        text.replaceSubrange(place.upperBound..<end, with: value)
        body = Array(text.utf8)
    }
}

extension String {
    /// As Foundation has it, which is not here.
    fileprivate func range(of text: String) -> Range<String.Index>? { firstRange(of: text) }
}
