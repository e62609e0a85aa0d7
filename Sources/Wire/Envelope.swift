package import JSON

/// The envelope that callers of the original expect around a reply, for the one place at the coordinator's edge that
/// talks to them (Decisions/0002). Native agents get replies bare.
///
/// Old agents read top-level keys only, dashboards read `data`: so the keys stand in both places. Where the reply has a
/// key of the envelope's own, the envelope's means more at the top and the reply's is found in `data`.
package struct Envelope: JSONWritable {
    private let reply: JSONObject

    /// Nil unless `reply` is a JSON object: bare arrays go to their readers as they are.
    package init?(_ reply: [UInt8]) {
        guard let object = try? JSONDocument(reply).root.object() else { return nil }
        self.reply = object
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { fields in
            fields.put("status", "success")
            fields.null("error")
            fields.put("success", true)
            for (key, value) in reply where !["status", "error", "success", "data"].contains(key) {
                fields.put(key, value)
            }
            fields.put("data", reply.value)
        }
    }
}
