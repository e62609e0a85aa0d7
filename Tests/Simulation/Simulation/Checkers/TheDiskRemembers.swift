import AgentCore
import Wire

/// What an agent was told its disk has, it finds after every crash; and what it finds beyond that it had once known.
final class TheDiskRemembers: Checker {
    override var promise: String { "An agent finds again what was recorded" }

    override func remembers(_ machine: Machine, _ memory: Memory) {
        if !machine.disk.explains(memory) {
            broken("\(machine.id.short) has forgotten something that was on its disk")
        }
    }
}
