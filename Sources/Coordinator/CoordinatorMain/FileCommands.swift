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
        guard let database = Self.database(settings, environment) else {
            StandardStream.error.write(
                "spot-coordinator: there is no \(serviceFolder) yet, where the service keeps its database: start the service once, "
                    + "which makes it, and stop it again; or say where the database is with --database-url\n")
            return .configuration
        }
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
    /// STATE_DIRECTORY. The folder decides, not the file: a machine that is set up anew has no file yet. Nil: the service is
    /// installed, and its folder, which systemd makes, is not there.
    private static func database(_ settings: Settings, _ environment: [String: String]) -> String? {
        let isChosen =
            !settings[CoordinatorSettings.database].isEmpty || LocalCoordinator.stateFolder(environment) != nil
        guard !isChosen, fileExists(unitFile) || fileExists(serviceFolder) else {
            return Service.databasePath(settings, environment)
        }
        return fileExists(serviceFolder) ? "\(serviceFolder)/\(Service.databaseName)" : nil
    }

    private static let serviceFolder = "/var/lib/spot-coordinator"
    private static let unitFile = "/usr/lib/systemd/system/spot-coordinator.service"
}
