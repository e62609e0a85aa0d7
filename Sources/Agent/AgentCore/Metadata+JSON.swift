package import JSON
import Wire

extension InstanceFacts: JSONWritable, JSONReadable {
    package func write(to writer: inout JSONWriter) {
        writer.object { fields in
            fields.field("instance_id", instance)
            fields.field("region", region)
            fields.optionalField("instance_type", instanceType)
            fields.optionalField("az", zone)
            fields.optionalField("ami_id", image)
            fields.optionalField("mode", mode)
            fields.optionalField("private_ip", privateAddress)
            fields.optionalField("public_ip", publicAddress)
        }
    }

    package init(from value: JSONValue) throws(JSONError) {
        let fields = try value.object()
        self.init(instance: try fields.need("instance_id"), region: try fields.need("region"))
        instanceType = try fields.maybe("instance_type")
        zone = try fields.maybe("az")
        image = try fields.maybe("ami_id")
        mode = try fields.maybe("mode")
        privateAddress = try fields.maybe("private_ip")
        publicAddress = try fields.maybe("public_ip")
    }
}
