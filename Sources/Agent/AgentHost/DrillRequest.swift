package import AgentCore
import JSON
package import Platform

/// Where a person leaves the wish for a drill: one file beside the status, which root alone can write. SIGUSR1 says that it is
/// there.
package enum DrillRequest {
    private static let name = "drill"
    /// Some hundred bytes are one.
    private static let bytesMax = 4096

    private static func path(in folder: String) -> String { "\(folder)/\(name)" }

    package static func leave(_ request: Drill.Request, in folder: String) throws(PlatformError) {
        try replaceFile(path(in: folder), with: encodeJSON(request), kept: false, doing: "ask for a drill in")
    }

    /// Gone with that, also when it cannot be read. Waits for the disk, which is memory where the unit has it.
    package static func take(from folder: String) throws -> Drill.Request {
        let path = path(in: folder)
        defer { withdraw(from: folder) }
        return try decodeJSON(
            Drill.Request.self, from: readSmallFile(path, limit: bytesMax, doing: "read what drill is wanted in"))
    }

    package static func withdraw(from folder: String) { try? removeFile(path(in: folder)) }
}
