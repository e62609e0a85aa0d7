package import JSON
import Wire

extension Drill: JSONWritable, JSONReadable {
    package func write(to writer: inout JSONWriter) {
        writer.object { fields in
            fields.field("kind", kind.rawValue)
            fields.field("request", name)
            fields.field("began_at", beganAt)
            fields.optionalField("incident_id", incident)
            fields.optionalField("stored_after_ms", storedAfterMilliseconds)
            fields.optionalField("refusal", refusal)
        }
    }

    package init(from value: JSONValue) throws(JSONError) {
        let fields = try value.object()
        self.init(
            try Kind(named: fields.required("kind")), name: try fields.need("request"),
            beganAt: try fields.need("began_at"))
        incident = try fields.maybe("incident_id")
        storedAfterMilliseconds = try fields.maybe("stored_after_ms")
        refusal = try fields.maybe("refusal")
    }
}

extension Drill.Request: JSONWritable, JSONReadable {
    package func write(to writer: inout JSONWriter) {
        writer.object { fields in
            fields.field("kind", kind.rawValue)
            fields.field("request", name)
        }
    }

    package init(from value: JSONValue) throws(JSONError) {
        let fields = try value.object()
        self.init(try Drill.Kind(named: fields.required("kind")), name: try fields.need("request"))
    }
}

extension Drill.Kind {
    fileprivate init(named word: JSONValue) throws(JSONError) {
        guard let kind = Self(rawValue: try word.string()) else {
            throw word.fail("expected one of \(Self.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        self = kind
    }
}
