package import AgentCore
import JSON
package import Platform

extension Memory {
    /// What an agent left in its state folder, as far as it can be read: for whoever looks, not for the agent, which says what is
    /// damaged. Waits for the disk.
    package init(rememberedIn folder: String) throws(PlatformError) {
        let lines = try Recorder.remembered(at: AgentShell.recordPath(in: folder)).lines
        self.init(replaying: lines.compactMap { try? decodeJSON(Entry.self, from: $0) })
    }
}
