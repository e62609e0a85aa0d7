import JSON
import Testing
import Wire

private func read<Message: WireObject>(_ type: Message.Type, _ text: String) throws -> Message {
    try decodeJSON(type, from: Array(text.utf8))
}

struct CommandTests {
    private func commandText(_ rest: String) -> String {
        """
        {"id":"c-1","instance_id":"i-0a1b2c3d","priority":25,"created_at":"2026-11-20T13:05:00Z",
         "expires_at":"2026-11-20T14:05:00Z","lease_seconds":30,"attempt":1,"epoch":0,\(rest)}
        """
    }

    @Test func `an unknown type is read, so that it can be refused with a result`() throws {
        let command = try read(Command.self, commandText(#""command_type":"SELF_DESTRUCT","target_mode":"spot""#))
        #expect(command.order == .unknown("SELF_DESTRUCT"))
        #expect(command.order.type == "SELF_DESTRUCT")
    }

    @Test(arguments: [
        (#""command_type":"switch""#, "switch", "target_mode: missing"),
        (#""command_type":"switch","target_mode":"reserved""#, "switch", "target_mode: expected one of spot, ondemand"),
        (
            #""command_type":"switch","target_mode":"spot","terminate_wait_seconds":86401"#, "switch",
            "terminate_wait_seconds: expected a whole number from 0 to 86400"
        ),
        (
            #""command_type":"switch","target_mode":"spot","target_pool_id":"spot.m5.large""#, "switch",
            "target_pool_id: expected a pool id (instance type, dot, availability zone)"
        ),
        (#""command_type":"create_replica","target_mode":"spot""#, "create_replica", "replica_id: missing"),
        (
            #""command_type":"terminate_instance","target_instance_id":"emergency-1","reason":"manual""#,
            "terminate_instance",
            "target_instance_id: expected an instance id (i- and 8 or 17 hexadecimal digits)"
        ),
        (#""command_type":"promote","hand_over":"overlap""#, "promote", "awaits_fence: missing"),
        (#""command_type":"demote","hand_over":"overlap""#, "demote", "new_instance_id: missing"),
        (#""command_type":"inspect_instance""#, "inspect_instance", "target_instance_id: missing"),
        (#""command_type":"apply_config""#, "apply_config", "config_version: missing"),
        (
            #""command_type":"cleanup","snapshots_older_than_days":0"#, "cleanup",
            "snapshots_older_than_days: expected a whole number from 1 to 3650"
        ),
    ])
    func `a command whose parameters cannot be read says why and keeps its frame`(
        rest: String, type: String, why: String
    ) throws {
        let command = try read(Command.self, commandText(rest))
        #expect(command.order == .malformed(type, why: why))
        #expect(command.id == "c-1")
    }

    @Test func `one unreadable command leaves the others of the answer readable`() throws {
        var reply = try #require(goldens.first { $0.name == "heartbeat-reply" }?.value as? HeartbeatReply)
        reply.commands = [command(.unknown("dance")), command(.activate)]
        let read = try decodeJSON(HeartbeatReply.self, from: encodeJSON(reply))
        #expect(read.commands.map(\.order) == [.unknown("dance"), .activate])
    }

    @Test func `success follows from the outcome`() {
        let outcomes = CommandResult.Outcome.allCases.filter {
            CommandResult($0, message: "", instance: host, attempt: 1, epoch: 0, finishedAt: moment()).success
        }
        #expect(outcomes == [.done, .prepared, .fenced])
    }

    @Test(arguments: CommandResult.Outcome.allCases)
    func `a result whose success and outcome disagree is refused`(_ outcome: CommandResult.Outcome) throws {
        let result = CommandResult(outcome, message: "", instance: host, attempt: 1, epoch: 0, finishedAt: moment())
        let text = String(decoding: encodeJSON(result), as: UTF8.self)
        let wrong = text.replacing("\"success\":\(result.success)", with: "\"success\":\(!result.success)")
        #expect(throws: JSONError(.mismatch, path: "success", reason: "expected \(result.success), as the rest says")) {
            _ = try read(CommandResult.self, wrong)
        }
    }
}

struct SettingsTests {
    @Test func `every setting has a default inside its bounds and a meaning`() throws {
        #expect(
            try decodeJSON(SlotSettingsChange.self, from: encodeJSON(SlotSettingsChange(to: SlotSettings())))
                == SlotSettingsChange(to: SlotSettings()))
        #expect(Set(SlotSetting.allCases.map(\.meaning)).count == SlotSetting.allCases.count)
    }

    @Test(arguments: SlotSetting.allCases)
    func `a change touches its own setting and no other`(setting: SlotSetting) throws {
        var change = SlotSettingsChange()
        change[setting] = different[setting]
        let changed = change.applied(to: SlotSettings())
        let differing = SlotSetting.allCases.filter {
            SlotSettingsChange(to: changed)[$0] != SlotSettingsChange(to: SlotSettings())[$0]
        }
        #expect(differing == [setting])
        #expect(SlotSettingsChange(to: changed)[setting] == different[setting])
    }

    private let different: [SlotSetting: SlotSettingValue] = Dictionary(
        uniqueKeysWithValues: SlotSetting.allCases.map { setting in
            switch SlotSettingsChange(to: SlotSettings())[setting] {
            case .flag(let flag): (setting, .flag(!flag))
            case .whole(let whole): (setting, .whole(whole + 1))
            case .decimal, nil: (setting, .decimal(number("0.7")))
            case .handOver: (setting, .handOver(.exclusive))
            }
        })

    @Test func `an empty change changes nothing`() {
        #expect(SlotSettingsChange().isEmpty)
        #expect(SlotSettingsChange().applied(to: SlotSettings()) == SlotSettings())
    }

    @Test func `a configuration of an older coordinator has the defaults of a new slot`() throws {
        #expect(try read(Configuration.self, #"{"config_version":1}"#) == Configuration(version: 1))
    }

    @Test func `the defaults are those of the contract`() {
        let text = String(decoding: encodeJSON(SlotSettingsChange(to: SlotSettings())), as: UTF8.self)
        #expect(
            text == #"{"enabled":true,"auto_switch_enabled":true,"auto_terminate_enabled":true,"#
                + #""terminate_wait_seconds":300,"manual_replica_enabled":false,"replica_count":0,"#
                + #""min_savings_percent":15,"risk_threshold":0.30,"max_switches_per_week":10,"#
                + #""max_switches_per_day":3,"min_pool_duration_hours":2,"hand_over":"overlap","#
                + #""failover_deadline_seconds":15,"lease_seconds":0,"drain_budget_seconds":5,"heartbeat_seconds":3}"#)
    }
}

struct ToleranceTests {
    @Test func `the text unknown stands for a fact that an agent could not find out`() throws {
        let text = """
            {"logical_agent_id":"web","instance_id":"i-0a1b2c3d","region":"us-east-1","hostname":"h","agent_version":"1",
             "instance_type":"unknown","az":"unknown","ami_id":"unknown","mode":"unknown","private_ip":"unknown"}
            """
        let expected = Registration(
            logicalAgent: "web", instance: "i-0a1b2c3d", region: "us-east-1", hostname: "h", agentVersion: "1")
        #expect(try read(Registration.self, text) == expected)
    }

    @Test func `unknown is no instance`() {
        let error = #expect(throws: JSONError.self) {
            try read(Heartbeat.self, #"{"status":"online","instance_id":"unknown"}"#)
        }
        #expect(error?.path == "instance_id")
    }

    @Test(arguments: [
        "2026-11-20T13:05:00.250000", "2026-11-20T13:05:00.25Z", "2026-11-20T13:05:00.250+00:00",
        "2026-11-20T14:05:00.250+01:00",
    ])
    func `a time is read in every form that agents send and written with Z`(text: String) throws {
        let time = try read(ServerTime.self, #"{"server_time":"\#(text)"}"#)
        #expect(time == ServerTime(moment(250)))
        #expect(String(decoding: encodeJSON(time), as: UTF8.self) == #"{"server_time":"2026-11-20T13:05:00.250Z"}"#)
    }

    @Test func `an error code that nobody knows yet is kept`() throws {
        let reply = try read(ErrorReply.self, #"{"error":"no","code":"FROM_THE_FUTURE"}"#)
        #expect(reply.code == ErrorCode(rawValue: "FROM_THE_FUTURE"))
    }

    @Test(arguments: [(nil, 0), ("0", 0), ("3", 3), ("25", 25), ("26", 25), ("86400", 25)] as [(String?, Int)])
    func `a wait is shortened to the longest that we park`(text: String?, seconds: Int) throws {
        #expect(try Heartbeat.wait(fromQuery: text) == seconds)
    }

    @Test(arguments: ["", "-1", "3.5", "soon", "99999999999999999999"])
    func `a wait that is no number of seconds is refused`(text: String) {
        #expect(throws: WireError(code: .malformed, "wait: expected whole seconds")) {
            try Heartbeat.wait(fromQuery: text)
        }
    }
}

struct EnvelopeTests {
    private func enveloped(_ reply: String) -> String? {
        Envelope(Array(reply.utf8)).map { String(decoding: encodeJSON($0), as: UTF8.self) }
    }

    @Test func `an envelope holds the keys of the reply flat and in data`() {
        #expect(
            enveloped(#"{"agent_id":"a","price":0.0960}"#)
                == #"{"status":"success","error":null,"success":true,"agent_id":"a","price":0.0960,"data":{"agent_id":"a","price":0.0960}}"#
        )
    }

    @Test func `a key that is the envelope's own keeps the reply's meaning in data only`() {
        #expect(
            enveloped(#"{"status":"ready","data":1,"error":"x","success":false}"#)
                == #"{"status":"success","error":null,"success":true,"data":{"status":"ready","data":1,"error":"x","success":false}}"#
        )
    }

    @Test(arguments: ["[]", "7", "", "{"])
    func `what is no object has no envelope`(reply: String) { #expect(enveloped(reply) == nil) }
}
