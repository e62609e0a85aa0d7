package import JSON
import Wire

extension Report: JSONWritable, JSONReadable {
    private enum Kind: String {
        case result, pricing, switched, terminated, cleaned
        case replicaLaunched = "replica_launched"
        case replicaProgressed = "replica_progressed"
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { fields in
            fields.field("report_id", id)
            switch content {
            case .result(let result, let command):
                fields.field("kind", Kind.result.rawValue)
                fields.field("command_id", command)
                fields.field("content", result)
            case .pricing(let report):
                fields.field("kind", Kind.pricing.rawValue)
                fields.field("content", report)
            case .switched(let report):
                fields.field("kind", Kind.switched.rawValue)
                fields.field("content", report)
            case .terminated(let report):
                fields.field("kind", Kind.terminated.rawValue)
                fields.field("content", report)
            case .cleaned(let report):
                fields.field("kind", Kind.cleaned.rawValue)
                fields.field("content", report)
            case .replicaLaunched(let launch, let replica):
                fields.field("kind", Kind.replicaLaunched.rawValue)
                fields.field("replica_id", replica)
                fields.field("content", launch)
            case .replicaProgressed(let progress, let replica):
                fields.field("kind", Kind.replicaProgressed.rawValue)
                fields.field("replica_id", replica)
                fields.field("content", progress)
            }
        }
    }

    package init(from value: JSONValue) throws(JSONError) {
        let fields = try value.object()
        let word = try fields.required("kind")
        guard let kind = Kind(rawValue: try word.string()) else { throw word.fail("expected a kind of report") }
        let content: Content =
            switch kind {
            case .result: .result(try fields.need("content"), of: try fields.need("command_id"))
            case .pricing: .pricing(try fields.need("content"))
            case .switched: .switched(try fields.need("content"))
            case .terminated: .terminated(try fields.need("content"))
            case .cleaned: .cleaned(try fields.need("content"))
            case .replicaLaunched:
                .replicaLaunched(try fields.need("content"), for: try fields.need("replica_id"))
            case .replicaProgressed:
                .replicaProgressed(try fields.need("content"), of: try fields.need("replica_id"))
            }
        self.init(try fields.need("report_id"), content)
    }
}
