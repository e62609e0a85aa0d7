package import AgentCore
import Glibc
import Platform

/// The hooks of one stage as they were found: programs that root placed, in the order in which they run.
package struct HookFolder: Sendable, Equatable {
    package struct Hook: Sendable, Equatable {
        package let name: String
        package let path: String
        /// Why it is not run, which counts as its failure.
        package let refusal: String?
    }

    /// Why nothing in it is run.
    package let refusal: String?
    package let hooks: [Hook]
    /// Files that are none: their names, or that nobody may execute them. Worth a look, as they may be meant to be.
    package let leftOut: [String]

    /// More than anybody has; each takes its time from the ones after it.
    private static let hooksMax = 64

    /// Nil where there is no such folder. It waits for the disk.
    package init?(of stage: HookStage, in place: String) {
        let path = "\(place)/\(stage.rawValue).d"
        var (hooks, leftOut): ([Hook], [String]) = ([], [])
        do throws(PlatformError) {
            try Self.refuse(place, path)
            for name in try names(in: path, limit: Self.hooksMax, doing: "look for hooks in").sorted() {
                if let hook = try Self.hook(name, in: path) { hooks.append(hook) } else { leftOut.append(name) }
            }
            refusal = nil
        } catch {
            if error.code == .notFound { return nil }
            refusal = error.description
            hooks = []
        }
        self.hooks = hooks
        self.leftOut = leftOut
    }

    /// As run-parts(8) names them, so that an editor's backups and a package's leavings are none.
    private static func isHookName(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
            }
    }

    private static func hook(_ name: String, in folder: String) throws(PlatformError) -> Hook? {
        guard isHookName(name) else { return nil }
        let path = "\(folder)/\(name)"
        do throws(PlatformError) {
            let facts = try FileFacts(of: path)
            guard facts.isRegular, facts.isExecutable else { return nil }
            // Where a link leads, another program could be put in its place later.
            let place = folderName(of: try resolvedPath(path, doing: "look at"))
            let around = try FileFacts(of: place)
            let refusal = complaint(facts, path) ?? complaint(around, place)
            return Hook(name: name, path: path, refusal: refusal)
        } catch { return Hook(name: name, path: path, refusal: error.description) }
    }

    /// Whoever may change one of them would be root with the next incident.
    private static func refuse(_ folders: String...) throws(PlatformError) {
        for folder in folders {
            let facts = try FileFacts(of: folder, doing: "look for hooks in")
            guard facts.isFolder else { throw PlatformError(.failed, "look for hooks in \(folder): not a folder") }
            if let complaint = complaint(facts, folder) { throw PlatformError(.denied, complaint) }
        }
    }

    private static func complaint(_ facts: FileFacts, _ path: String) -> String? {
        // Without privileges nothing is at stake but our own.
        if facts.owner != 0, facts.owner != geteuid() {
            return "refused: \(path) belongs to user \(facts.owner), not to root: chown root \(path)"
        }
        return facts.isWritableByOthers
            ? "refused: others than its owner may write \(path): chmod go-w \(path)" : nil
    }
}

extension HookFolder {
    package typealias All = [HookStage: HookFolder]

    /// Of all stages that have a folder. It waits for the disk.
    package static func all(in place: String) -> All {
        var all: All = [:]
        for stage in HookStage.allCases { all[stage] = HookFolder(of: stage, in: place) }
        return all
    }
}

extension HookFolder.All {
    /// The stages that have something to run, or something that is refused.
    package var stages: Set<HookStage> {
        Set(filter { !$0.value.hooks.isEmpty || $0.value.refusal != nil }.keys)
    }
}

extension HooksFinding {
    package init(_ all: HookFolder.All, in place: String) {
        self.init(place: place, counts: [:], refusals: [], leftOut: [])
        for stage in HookStage.allCases {
            guard let folder = all[stage] else { continue }
            counts[stage] = folder.hooks.count { $0.refusal == nil }
            refusals += [folder.refusal].compactMap(\.self) + folder.hooks.compactMap(\.refusal)
            leftOut += folder.leftOut.map { "\(place)/\(stage.rawValue).d/\($0)" }
        }
    }
}
