/// What a run is to be.
package struct RunSettings: Sendable {
    package var slots = 2
    /// How long things go wrong, in virtual time.
    package var chaos = Duration.seconds(400)
    package var mutation: Mutation?
    package var hasFaults = true
    package var tellsStory = false
    package var storyLines = 80
    /// Gets each line when it is told: nothing is lost with a process that ends over the next.
    package var hearsStory: (@Sendable (String) -> Void)?

    package init() {}
}

/// One seed from its beginning to its end: things go wrong, and then nothing does and everything has to come to rest.
package struct Run: Sendable {
    package let seed: UInt64
    package let digest: RunDigest
    package let violation: Violation?
    package let events: Int
    package let handOvers: Int
    package let switches: Int
    package let coordinatorCrashes: Int
    package let agentCrashes: Int
    package let virtualTime: Duration
    package let faults: String
    package let story: [String]

    /// Longer than anything waits: an order of a person an hour, a recommendation of EC2's two.
    private static let restBound = Duration.seconds(3 * 3600)
    private static let lookEvery = Duration.seconds(20)

    package init(_ seed: UInt64, _ settings: RunSettings = RunSettings()) {
        let world = World(seed: seed, settings)
        world.begin(settings.slots)
        if world.run(until: settings.chaos) { Self.rest(world, from: settings.chaos) }
        self.seed = seed
        digest = world.digest
        violation = world.violation
        events = world.agenda.happened
        (handOvers, switches) = (world.counts.handOvers, world.counts.switches)
        (coordinatorCrashes, agentCrashes) = (world.counts.coordinatorCrashes, world.counts.agentCrashes)
        virtualTime = world.agenda.now
        faults = world.faults.summary
        story = world.story.lines
        world.end()
    }

    private static func rest(_ world: World, from start: Duration) {
        world.heal()
        var end = start
        while end < start + restBound {
            end += lookEvery
            guard world.run(until: end) else { return }
            if world.unrest.isEmpty { break }
        }
        let unrest = world.unrest
        if !unrest.isEmpty {
            world.fail("Everything comes to rest once nothing goes wrong", unrest.joined(separator: "; "))
        }
        // What was acknowledged is there to the last.
        world.coordinator.crash()
        world.checks.examineStore()
    }
}
