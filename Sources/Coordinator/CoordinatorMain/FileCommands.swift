import CoordinatorOperator
import CoordinatorStore
import Platform

/// The sub-commands that work on the database file itself.
enum FileCommands {
    static func run(_ invocation: Invocation, _ outcome: SettingsOutcome, _ environment: [String: String]) -> ExitStatus
    {
        guard let settings = outcome.settings else {
            for problem in outcome.problems { StandardStream.error.write("\(problem)\n") }
            return .configuration
        }
        let database = Self.database(settings, environment)
        let file = invocation.arguments[0]
        do throws(StoreError) {
            if invocation.subcommand == "backup" {
                try backUp(database: database, to: file)
                StandardStream.output.write(
                    "\(database) was copied to \(file). The key that clients' tokens are sealed with is not in it: keep "
                        + "\(database).key as well, in another place.\n")
            } else {
                let kept = try restore(backup: file, to: database).map { "; what was there is kept as \($0)" } ?? ""
                StandardStream.output.write(
                    "\(file) is in the place of \(database) now\(kept). Start the coordinator again.\n")
            }
            return .success
        } catch {
            StandardStream.error.write("spot-coordinator: \(error)\n")
            return ExitStatus(for: error)
        }
    }

    /// Where the service has it when nothing else is said, as its unit's StateDirectory= has it: a person has no
    /// STATE_DIRECTORY. The folder decides, not the file: a machine that is set up anew has no file yet.
    private static func database(_ settings: Settings, _ environment: [String: String]) -> String {
        let path = Service.databasePath(settings, environment)
        let isChosen =
            !settings[CoordinatorSettings.database].isEmpty || LocalCoordinator.stateFolder(environment) != nil
        return !isChosen && fileExists(serviceFolder) ? "\(serviceFolder)/\(Service.databaseName)" : path
    }

    private static let serviceFolder = "/var/lib/spot-coordinator"
}
