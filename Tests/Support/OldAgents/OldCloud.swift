/// As much of EC2 as the old programs touch.
package protocol OldEC2: Sendable {
    /// The type of all machines.
    var type: String { get }
    /// Whether there is another image than those that the first machines were made from.
    var hasOwnImages: Bool { get }
    func hasImage(_ image: String) -> Bool
    func isAvailable(_ image: String, at now: Duration) -> Bool
    func machine(_ id: String) -> OldCloud.Machine?
    func running(at now: Duration) -> [OldCloud.Machine]
    /// Nil: never heard of.
    func state(of id: String, at now: Duration) -> OldCloud.State?

    /// RunInstances. Nil: refused.
    mutating func launch(image: String, zone: String, spot: Bool, tags: [String: String], at now: Duration) -> String?
    /// TerminateInstances. False: refused, or not there.
    @discardableResult
    mutating func terminate(_ id: String, at now: Duration) -> Bool
    mutating func makeImage(
        _ build: OldBuild?, _ environment: OldEnvironment?, storedID: String?, at now: Duration
    ) -> String
    mutating func tag(_ id: String, _ name: String, _ value: String)
}

/// One of our own: machines run 30 s after they were asked for, images are there after two minutes.
package struct OldCloud: OldEC2 {
    package enum State: Sendable { case pending, running, shuttingDown, terminated }

    package struct Machine: Sendable {
        package let id: String
        package let zone: String
        package let isSpot: Bool
        package let image: String
        package var tags: [String: String] = [:]
        package let launchedAt: Duration
        package var terminatedAt: Duration?
        /// `spot/instance-action`: terminate, stop or hibernate, and when.
        package var notice: (action: String, time: String)?
        package var isRebalanced = false

        package init(id: String, zone: String, isSpot: Bool, image: String, launchedAt: Duration) {
            (self.id, self.zone, self.isSpot, self.image) = (id, zone, isSpot, image)
            self.launchedAt = launchedAt
        }
    }

    /// What an image has inside.
    struct Image: Sendable {
        let build: OldBuild?
        let environment: OldEnvironment?
        /// v5's state file with the agent's id, which its clone finds again.
        let storedID: String?
        let madeAt: Duration
    }

    package private(set) var machines: [String: Machine] = [:]
    private(set) var images: [String: Image] = [:]
    /// Why launches and terminations are refused, where they are.
    package var refuses: Set<String> = []
    private var serial = 0
    package let type = "m5.large"

    package init() {}

    package static let bootTime = Duration.seconds(30)
    static let imageTime = Duration.seconds(120)

    package mutating func addImage(_ build: OldBuild?, _ environment: OldEnvironment?) -> String {
        makeImage(build, environment, storedID: nil, at: .zero - Self.imageTime)
    }

    package mutating func makeImage(
        _ build: OldBuild?, _ environment: OldEnvironment?, storedID: String?, at now: Duration
    ) -> String {
        let id = "ami-" + digits()
        images[id] = Image(build: build, environment: environment, storedID: storedID, madeAt: now)
        return id
    }

    package var hasOwnImages: Bool { images.count > 1 }
    package func hasImage(_ image: String) -> Bool { images[image] != nil }
    package func machine(_ id: String) -> Machine? { machines[id] }

    package func isAvailable(_ image: String, at now: Duration) -> Bool {
        images[image].map { now >= $0.madeAt + Self.imageTime } ?? false
    }

    package mutating func launch(
        image: String, zone: String, spot: Bool, tags: [String: String] = [:], at now: Duration
    ) -> String? {
        guard !refuses.contains("RunInstances") else { return nil }
        let id = "i-" + digits()
        var machine = Machine(id: id, zone: zone, isSpot: spot, image: image, launchedAt: now)
        machine.tags = tags
        machines[id] = machine
        return id
    }

    @discardableResult
    package mutating func terminate(_ id: String, at now: Duration) -> Bool {
        guard !refuses.contains("TerminateInstances"), machines[id] != nil else { return false }
        if machines[id]?.terminatedAt == nil { machines[id]?.terminatedAt = now }
        return true
    }

    package mutating func announce(_ action: String, for id: String, at time: String) {
        machines[id]?.notice = (action, time)
    }

    package mutating func recommendRebalance(of id: String) { machines[id]?.isRebalanced = true }

    package mutating func tag(_ id: String, _ name: String, _ value: String) { machines[id]?.tags[name] = value }

    package func state(of id: String, at now: Duration) -> State? {
        guard let machine = machines[id] else { return nil }
        if let ended = machine.terminatedAt { return now >= ended + .seconds(30) ? .terminated : .shuttingDown }
        return now >= machine.launchedAt + Self.bootTime ? .running : .pending
    }

    package func running(at now: Duration) -> [Machine] {
        machines.values.filter { state(of: $0.id, at: now) == .running }.sorted { $0.id < $1.id }
    }

    private mutating func digits() -> String {
        serial += 1
        let text = String(serial, radix: 16)
        return String(repeating: "0", count: 17 - text.count) + text
    }
}
