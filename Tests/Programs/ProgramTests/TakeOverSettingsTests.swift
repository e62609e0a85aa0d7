import Platform
import TestSupport
import Testing

/// What the built agent makes of its settings about the workload.
@Suite(.serialized) struct TakeOverSettingsTests {
    private func checking(_ settings: [String: String]) throws -> ChildOutcome {
        try ChildProcess(
            builtProgram("spot-agent"), ["check-config"],
            environment: settings.merging(["SPOT_OPTIMIZER_CLIENT_TOKEN": "token"]) { one, _ in one }
        ).waitForEnd()
    }

    @Test(arguments: [
        ["PROMOTE_UNITS": "data.mount, web web-worker@1.service", "DRAIN_UNITS": "web.socket"],
        ["VERIFY_URL": "http://localhost:8080/health/?deep=1"], ["VERIFY_TCP": "localhost:5432"],
        ["VERIFY_TCP": "127.0.0.1:1"], ["VERIFY_TCP": "[::1]:65535"], ["VERIFY_COMMAND": "/usr/bin/curl -f http://x"],
        ["ELASTIC_IP_ALLOCATION_ID": "eipalloc-0123456789abcdef0"],
        ["DATA_VOLUME_IDS": "vol-0123456789abcdef0 vol-1123456789abcdef0:/dev/sdf,vol-2123456789abcdef0"],
        ["DATA_VOLUME_IDS": "vol-0123456789abcdef0", "HAND_OVER": "exclusive"],
        ["TARGET_GROUP_ARNS": "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/0123456789abcdef"],
        ["FENCE_LAST_RESORT": "poweroff", "LEASE_SECONDS": "0", "DRAIN_BUDGET_SECONDS": "20"],
        ["LEASE_SECONDS": "60", "HAND_OVER": "exclusive"],
        ["LEASE_SECONDS": "60", "DATA_VOLUME_IDS": "vol-0123456789abcdef0"],
        ["HAND_OVER": "overlap", "FAILOVER_DEADLINE_SECONDS": "30", "HOOKS_DIR": "/srv/hooks"],
    ])
    func `is valid`(settings: [String: String]) throws {
        let outcome = try checking(settings)
        #expect(outcome.status == 0, "\(outcome.errors)")
    }

    @Test(arguments: [
        (["PROMOTE_UNITS": "web web.service"], "PROMOTE_UNITS: expected names of units"),
        (["DRAIN_UNITS": "a/b"], "DRAIN_UNITS: expected names of units"),
        (["VERIFY_URL": "ftp://x/"], "VERIFY_URL: expected an http or https URL"),
        (["VERIFY_URL": "http://user@x/"], "VERIFY_URL: expected an http or https URL"),
        (["VERIFY_TCP": "web.example:80"], "VERIFY_TCP: expected localhost or an address in figures"),
        (["VERIFY_TCP": "127.0.0.1"], "VERIFY_TCP: expected localhost or an address in figures"),
        (["VERIFY_COMMAND": "true"], "VERIFY_COMMAND: expected an absolute path"),
        (["ELASTIC_IP_ALLOCATION_ID": "203.0.113.7"], "ELASTIC_IP_ALLOCATION_ID: expected an allocation's id"),
        (["DATA_VOLUME_IDS": "vol-0123456789abcdef0:sdf"], "DATA_VOLUME_IDS: expected volumes' ids"),
        (
            ["DATA_VOLUME_IDS": "vol-0123456789abcdef0:/dev/sdf vol-1123456789abcdef0:/dev/sdf"],
            "DATA_VOLUME_IDS: expected volumes' ids"
        ),
        (["DATA_VOLUME_IDS": "vol-0123456789abcdef0,vol-0123456789abcdef0"], "DATA_VOLUME_IDS: expected volumes' ids"),
        (["TARGET_GROUP_ARNS": "web"], "TARGET_GROUP_ARNS: expected ARNs of target groups"),
        (["FENCE_LAST_RESORT": "reboot"], "FENCE_LAST_RESORT: expected none or poweroff"),
        (["HAND_OVER": "both"], "HAND_OVER: expected overlap or exclusive"),
        (["FAILOVER_DEADLINE_SECONDS": "121"], "FAILOVER_DEADLINE_SECONDS: expected a whole number from 1 to 120"),
        (["LEASE_SECONDS": "14", "HAND_OVER": "exclusive"], "LEASE_SECONDS: expected 0, or a whole number from 15"),
        (["LEASE_SECONDS": "60"], "LEASE_SECONDS: it needs HAND_OVER=exclusive"),
        (["VERIFY_URL": "http://x", "VERIFY_TCP": "[::1]:1"], "VERIFY_URL and VERIFY_TCP: one of them is the proof"),
        (
            ["DATA_VOLUME_IDS": "vol-0123456789abcdef0", "HAND_OVER": "overlap"],
            "DATA_VOLUME_IDS and HAND_OVER=overlap: a volume is at one machine only"
        ),
    ])
    func `is refused in words`(settings: [String: String], words: String) throws {
        let outcome = try checking(settings)
        #expect(outcome.status == 78)
        #expect(outcome.errors.contains(words), "\(outcome.errors)")
    }

    @Test func `a contradiction keeps the agent from running, as anything else that is wrong`() throws {
        try withTemporaryFolder { folder in
            let agent = try ChildProcess(
                builtProgram("spot-agent"), ["run"],
                environment: [
                    "SPOT_OPTIMIZER_CLIENT_TOKEN": "token", "STATE_DIRECTORY": folder, "VERIFY_TCP": "[::1]:1",
                    "VERIFY_COMMAND": "/bin/true",
                ])
            let outcome = try agent.waitForEnd()
            #expect(outcome.status == 78 && outcome.errors.contains("VERIFY_TCP and VERIFY_COMMAND: one of them"))
        }
    }
}
