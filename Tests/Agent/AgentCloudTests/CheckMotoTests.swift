import AgentCore
import JSON
import PretendMetadata
import TestSupport
import Testing
import Wire

@testable import AgentHost

/// The built agent's check of its rights, against an IAM that somebody else wrote.
@Suite(.enabled(if: Moto.isWanted, Moto.whyNot)) struct CheckMotoTests {
    /// The verdict of each line about EC2, as a machine whose user may do what `allowed` says.
    private func verdicts(allowed: String) throws -> [String: String] {
        var verdicts: [String: String] = [:]
        try Moto.run(allowed: allowed) { moto, desk in
            let instance: InstanceID = "i-0123456789abcdef0"
            let own = allowed == "ec2:*" ? try desk.launch().id : instance
            let metadata = try PretendMetadata(
                values: PretendMetadata.ordinary.merging(["instance-id": own.text, "ami-id": try desk.image().text]) {
                    $1
                })
            defer { metadata.stop() }
            let environment = moto.environment.merging([
                "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.endpoint,
                "SPOT_OPTIMIZER_SERVER_URL": "http://127.0.0.1:1",
                "STATE_DIRECTORY": "/nonexistent",
            ]) { $1 }
            let said = try ChildProcess(builtProgram("spot-agent"), ["check", "--json"], environment: environment)
                .waitForEnd(within: .seconds(30))
            for value in try JSONDocument(Array(said.output.utf8)).root.object().required("checks").array() {
                let line = try value.object()
                verdicts[try line.required("check").string()] = try line.required("verdict").string()
            }
            if own != instance { #expect(try desk.describe(own).state == .running) }
        }
        return verdicts
    }

    @Test func `what is allowed is ok, and nothing was done`() throws {
        let verdicts = try self.verdicts(allowed: "ec2:*")
        for right in Right.ordinary where right != .passRole && right != .getProducts {
            #expect(verdicts[right.rawValue] == "ok", "\(verdicts)")
        }
        #expect(verdicts.filter { $0.key.hasPrefix("ec2:") && $0.value == "failed" }.isEmpty, "\(verdicts)")
    }

    @Test func `what IAM denies has failed`() throws {
        let verdicts = try self.verdicts(allowed: "ec2:Describe*")
        for right in [Right.runInstances, .terminateInstances, .deregisterImage, .deleteSnapshot] {
            #expect(verdicts[right.rawValue] == "failed", "\(verdicts)")
        }
        for right in [Right.describeImages, .describeSnapshots] {
            #expect(verdicts[right.rawValue] == "ok", "\(verdicts)")
        }
    }
}
