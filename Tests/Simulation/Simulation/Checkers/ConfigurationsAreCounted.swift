import CoordinatorCore
import Wire

/// The version of a configuration rises with each change of it, and only then.
final class ConfigurationsAreCounted: Checker {
    override var promise: String { "A configuration's version rises with each change of it, and only then" }

    override func committed(_ slot: Slot, _ before: Slot?) {
        guard let before else { return }
        let isChanged = slot.settings != before.settings || slot.reportsPrices != before.reportsPrices
        let rose = slot.configVersion.number - before.configVersion.number
        if rose < 0 || (isChanged && rose == 0) {
            broken("\(slot.id.short) went from version \(before.configVersion) to \(slot.configVersion)")
        }
    }
}
