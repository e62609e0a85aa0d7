import AgentCore
import OldAgents
import PretendCloud
import Wire

/// EC2 as the old program on one machine meets it.
struct OldSky: OldEC2, @unchecked Sendable {
    // Unchecked: a simulation is one thread.
    static let image: ResourceID = "ami-2"
    private unowned let machine: Machine
    let type = "m5.large"
    private var launches = 0

    init(_ machine: Machine) { self.machine = machine }

    private var sky: Sky { machine.world.sky }

    // MARK: Images

    var hasOwnImages: Bool { !sky.cloud.images.isEmpty }

    func hasImage(_ image: String) -> Bool {
        image == Self.image.text || sky.cloud.images.keys.contains { $0.text == image }
    }

    func isAvailable(_ image: String, at now: Duration) -> Bool {
        guard let id = try? ResourceID(image), case .images(let images)? = sky.answer(.image(id), to: machine) else {
            return false
        }
        return images.contains { $0.state == .available }
    }

    /// An image that nobody could make is there under no name.
    mutating func makeImage(
        _ build: OldBuild?, _ environment: OldEnvironment?, storedID: String?, at now: Duration
    ) -> String {
        launches += 1
        let name = "\(machine.id)-\(machine.boots)-\(launches)-\(now)"
        guard case .imageCreated(let id)? = sky.answer(.createImage(of: machine.id, name: name, tags: []), to: machine)
        else { return "" }
        return id.text
    }

    // MARK: Machines

    func machine(_ id: String) -> OldCloud.Machine? {
        guard let known = known(id) else { return nil }
        var seen = seen(known)
        guard id == machine.id.text, !machine.metadata.hangs else { return seen }
        seen.notice = machine.metadata.notice
        seen.isRebalanced = machine.metadata.rebalanceAt != nil
        return seen
    }

    func running(at now: Duration) -> [OldCloud.Machine] {
        sky.cloud.machines.filter { sky.cloud.state(of: $0, at: machine.world.agenda.now).state == .running }
            .map(seen).sorted { $0.id < $1.id }
    }

    func state(of id: String, at now: Duration) -> OldCloud.State? {
        guard let known = known(id) else { return nil }
        switch sky.cloud.state(of: known, at: machine.world.agenda.now).state {
        case .pending: return .pending
        case .running: return .running
        case .terminated: return .terminated
        default: return .shuttingDown
        }
    }

    mutating func launch(image: String, zone: String, spot: Bool, tags: [String: String], at now: Duration) -> String? {
        guard hasImage(image), let image = try? ResourceID(image), let zone = try? AvailabilityZone(zone),
            let type = try? InstanceType(type)
        else { return nil }
        launches += 1
        // None of them gives EC2 a token of its own: each launch is another.
        let launch = Launch(
            token: "\(machine.id)-\(machine.boots)-\(now)-\(launches)", image: image, instanceType: type,
            mode: spot ? .spot : .ondemand, zone: zone)
        guard case .launched(let instance)? = sky.answer(.run(launch), to: machine) else { return nil }
        return instance.id.text
    }

    @discardableResult
    mutating func terminate(_ id: String, at now: Duration) -> Bool {
        guard let id = try? InstanceID(id), case .terminating? = sky.answer(.terminate(id), to: machine) else {
            return false
        }
        return true
    }

    mutating func tag(_ id: String, _ name: String, _ value: String) {}

    private func known(_ id: String) -> PretendCloud.Machine? {
        sky.cloud.machines.first { known in
            known.instance.id.text == id && machine.world.agenda.now - known.launchedAt >= sky.cloud.showsAfter
        }
    }

    private func seen(_ known: PretendCloud.Machine) -> OldCloud.Machine {
        let instance = known.instance
        return OldCloud.Machine(
            id: instance.id.text, zone: instance.zone?.text ?? "", isSpot: instance.mode == .spot,
            image: instance.image?.text ?? "", launchedAt: known.launchedAt)
    }
}
