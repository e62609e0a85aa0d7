package import JSON
import Wire

extension Progress: JSONWritable, JSONReadable {
    private enum Kind: String {
        case launchPrepared = "launch_prepared"
        case launched
        case launchFailed = "launch_failed"
        case imageNamed = "image_named"
        case imageCreated = "image_created"
        case switched
        case stepped
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { fields in
            switch self {
            case .launchPrepared(let launch):
                fields.field("step", Kind.launchPrepared.rawValue)
                fields.field("launch", launch)
            case .launched(let instance):
                fields.field("step", Kind.launched.rawValue)
                fields.field("instance_id", instance)
            case .launchFailed(let token):
                fields.field("step", Kind.launchFailed.rawValue)
                fields.field("token", token)
            case .imageNamed(let name):
                fields.field("step", Kind.imageNamed.rawValue)
                fields.field("name", name)
            case .imageCreated(let image):
                fields.field("step", Kind.imageCreated.rawValue)
                fields.field("ami_id", image)
            case .switched(let instance, let time):
                fields.field("step", Kind.switched.rawValue)
                fields.field("instance_id", instance)
                fields.field("at", time)
            case .stepped(let step):
                fields.field("step", Kind.stepped.rawValue)
                fields.field("ledger", step)
            }
        }
    }

    package init(from value: JSONValue) throws(JSONError) {
        let fields = try value.object()
        let word = try fields.required("step")
        guard let kind = Kind(rawValue: try word.string()) else { throw word.fail("expected a step of an errand") }
        self =
            switch kind {
            case .launchPrepared: .launchPrepared(try fields.need("launch"))
            case .launched: .launched(try fields.need("instance_id"))
            case .launchFailed: .launchFailed(token: try fields.need("token"))
            case .imageNamed: .imageNamed(try fields.need("name"))
            case .imageCreated: .imageCreated(try fields.need("ami_id"))
            case .switched: .switched(to: try fields.need("instance_id"), at: try fields.need("at"))
            case .stepped: .stepped(try fields.need("ledger"))
            }
    }
}

extension Launch: JSONWritable, JSONReadable {
    package func write(to writer: inout JSONWriter) {
        writer.object { fields in
            fields.field("token", token)
            fields.field("ami_id", image)
            fields.field("instance_type", instanceType)
            fields.field("mode", mode)
            fields.field("az", zone)
            fields.optionalField("subnet_id", subnet)
            fields.field("security_groups", securityGroups)
            fields.optionalField("profile", profile)
            fields.optionalField("key_name", keyName)
            fields.optionalField("user_data", userData)
            fields.field("tags", tags)
        }
    }

    package init(from value: JSONValue) throws(JSONError) {
        let fields = try value.object()
        self.init(
            token: try fields.need("token"), image: try fields.need("ami_id"),
            instanceType: try fields.need("instance_type"), mode: try fields.need("mode"), zone: try fields.need("az"))
        subnet = try fields.maybe("subnet_id")
        securityGroups = try fields.need("security_groups")
        profile = try fields.maybe("profile")
        keyName = try fields.maybe("key_name")
        userData = try fields.maybe("user_data")
        tags = try fields.need("tags")
    }
}

extension CloudRequest.Tag: JSONWritable, JSONReadable {
    package func write(to writer: inout JSONWriter) {
        writer.object { fields in
            fields.field("key", key)
            fields.field("value", value)
        }
    }

    package init(from value: JSONValue) throws(JSONError) {
        let fields = try value.object()
        self.init(try fields.need("key"), try fields.need("value"))
    }
}
