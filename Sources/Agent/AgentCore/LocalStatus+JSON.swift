package import JSON
import Wire

extension LocalStatus: JSONWritable {
    package func write(to writer: inout JSONWriter) {
        writer.object { fields in
            fields.field("updated_at", updatedAt)
            fields.field("version", version)
            fields.field("started_at", startedAt)
            fields.optionalField("instance_id", instance)
            fields.optionalField("agent_id", slot)
            fields.optionalField("role", role)
            fields.optionalField("epoch", epoch)
            fields.optionalField("config_version", configVersion)
            fields.field("contact", contact)
            fields.optionalField("clock_offset_ms", clockOffsetMilliseconds)
            fields.field("notices", notices)
            fields.field("metadata", metadata)
            fields.field("outbox", outbox)
            fields.field("commands", commands)
            fields.optionalField("disk_fault", diskFault)
            fields.field("lacking", lacking)
            fields.optionalField("pid", process.map { Int64($0) })
            fields.field("drills", drills)
        }
    }
}

extension LocalStatus: JSONReadable {
    package init(from value: JSONValue) throws(JSONError) {
        let fields = try value.object()
        self.init(
            updatedAt: try fields.need("updated_at"), startedAt: try fields.need("started_at"),
            contact: try fields.need("contact"), notices: try fields.need("notices"),
            metadata: try fields.need("metadata"), outbox: try fields.need("outbox"),
            commands: try fields.need("commands"))
        version = try fields.need("version")
        instance = try fields.maybe("instance_id")
        slot = try fields.maybe("agent_id")
        role = try fields.maybe("role")
        epoch = try fields.maybe("epoch")
        configVersion = try fields.maybe("config_version")
        clockOffsetMilliseconds = try fields.maybe("clock_offset_ms")
        diskFault = try fields.maybe("disk_fault")
        lacking = try fields.maybe("lacking") ?? []
        let number: Int64? = try fields.maybe("pid")
        process = number.flatMap(Int32.init(exactly:))
        drills = try fields.maybe("drills") ?? []
    }
}

extension LocalStatus.Contact: JSONWritable, JSONReadable {
    package func write(to writer: inout JSONWriter) {
        writer.object { fields in
            fields.field("state", state.rawValue)
            fields.field("since", since)
            fields.optionalField("reason", reason)
            fields.optionalField("answer_age_ms", answerAgeMilliseconds)
        }
    }

    package init(from value: JSONValue) throws(JSONError) {
        let fields = try value.object()
        let word = try fields.required("state")
        guard let state = State(rawValue: try word.string()) else {
            throw word.fail("expected one of \(State.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        self.init(state: state, since: try fields.need("since"))
        reason = try fields.maybe("reason")
        answerAgeMilliseconds = try fields.maybe("answer_age_ms")
    }
}

extension LocalStatus.Announced: JSONWritable, JSONReadable {
    package func write(to writer: inout JSONWriter) {
        writer.object { fields in
            fields.field("what", what)
            fields.field("detected_at", detectedAt)
            fields.optionalField("incident_id", incident)
        }
    }

    package init(from value: JSONValue) throws(JSONError) {
        let fields = try value.object()
        self.init(what: try fields.need("what"), detectedAt: try fields.need("detected_at"))
        incident = try fields.maybe("incident_id")
    }
}

extension LocalStatus.Metadata: JSONWritable, JSONReadable {
    package func write(to writer: inout JSONWriter) {
        writer.object { fields in
            fields.optionalField("answer_age_ms", answerAgeMilliseconds)
            fields.optionalField("blind_since", blindSince)
        }
    }

    package init(from value: JSONValue) throws(JSONError) {
        let fields = try value.object()
        self.init()
        answerAgeMilliseconds = try fields.maybe("answer_age_ms")
        blindSince = try fields.maybe("blind_since")
    }
}

extension LocalStatus.Outbox: JSONWritable, JSONReadable {
    package func write(to writer: inout JSONWriter) {
        writer.object { fields in
            fields.field("waiting", waiting)
            fields.field("dropped", dropped)
            fields.field("refused", refused)
        }
    }

    package init(from value: JSONValue) throws(JSONError) {
        let fields = try value.object()
        self.init(
            waiting: try fields.need("waiting"), dropped: try fields.need("dropped"),
            refused: try fields.need("refused"))
    }
}

extension LocalStatus.Running: JSONWritable, JSONReadable {
    package func write(to writer: inout JSONWriter) {
        writer.object { fields in
            fields.field("command_id", id)
            fields.field("command_type", type)
            fields.field("since", since)
        }
    }

    package init(from value: JSONValue) throws(JSONError) {
        let fields = try value.object()
        self.init(
            id: try fields.need("command_id"), type: try fields.need("command_type"), since: try fields.need("since"))
    }
}
