import OldAgents

/// A workload that old programs carry. What is drawn for it has a chance of its own: seeds that have none are as they were.
struct OldWorkload {
    let build: OldBuild
    /// Its client has workloads with an agent of today, too.
    let isBesideOthers: Bool
    /// When its owner installs the agent of today on the machine that serves.
    let isUpgradedAfter: Duration?

    static func drawn(_ chance: Chance) -> [OldWorkload] {
        guard chance.happens(0.25) else { return [] }
        return (1...chance.whole(1...2)).map { _ in
            OldWorkload(
                build: chance.pick(OldBuild.allCases) ?? .v3, isBesideOthers: chance.happens(0.5),
                isUpgradedAfter: chance.happens(0.3) ? chance.seconds(60...350) : nil)
        }
    }
}
