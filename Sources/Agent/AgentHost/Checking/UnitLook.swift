import AgentCore
package import Platform
package import Systemd

/// Asks the service manager about units, once. Lives on the loop's thread.
package final class UnitLook {
    static let agent = "spot-agent.service"

    private let bus: Bus
    private var found: [UnitName: UnitFinding] = [:]
    private var before: Set<UnitName>?
    private var open = 0
    private var fault: SystemdError?
    private var completion: ((UnitsFinding) -> Void)?

    /// Nil where systemd does not run this machine (sd_booted(3)).
    package static func ofThisMachine(_ loop: Loop) throws(EventLoopError) -> UnitLook? {
        fileExists("/run/systemd/system") ? UnitLook(try Bus(loop: loop) { _ in }) : nil
    }

    package init(_ bus: Bus) { self.bus = bus }

    /// `completion` is called once, in a later turn of the loop but where there is no bus.
    func look(at units: [UnitName], within time: Duration, _ completion: @escaping (UnitsFinding) -> Void) {
        do throws(SystemdError) { try bus.connect() } catch { return completion(.unasked("\(error)")) }
        self.completion = completion
        open = units.count + 1
        for unit in units {
            bus.unitState(unit.text, within: time) { [weak self] state in
                self?.note(state) { look, state in
                    look.found[unit] = UnitFinding(
                        name: unit, isLoaded: state.isLoaded, isActive: state.active == .active,
                        isStopped: state.isStopped, state: state.sub)
                }
            }
        }
        lookBefore(Self.agent, within: time)
    }

    /// Also what is before the unit that the agent has systemd put between itself and the workload.
    private func lookBefore(_ unit: String, within time: Duration) {
        bus.unitsBefore(unit, within: time) { [weak self] names in
            self?.note(names) { look, names in
                guard let names else { return }
                look.before = (look.before ?? []).union(names.compactMap(UnitName.init))
                for order in names where order.hasPrefix(OrderDeed.prefix) {
                    look.open += 1
                    look.lookBefore(order, within: time)
                }
            }
        }
    }

    private func note<Value>(_ answer: Result<Value, SystemdError>, _ take: (UnitLook, Value) -> Void) {
        switch answer {
        case .success(let value): take(self, value)
        case .failure(let error): fault = fault ?? error
        }
        open -= 1
        guard open == 0 else { return }
        let finding: UnitsFinding =
            if let fault { .unasked("\(fault)") } else {
                .asked(found.values.sorted { $0.name < $1.name }, before: before)
            }
        completion.take()?(finding)
    }
}
