package import JSON

/// `POST /api/admin/clients/create`
package struct ClientCreation: WireObject {
    package var name: String
    package var email: String?

    package init(name: String, email: String? = nil) {
        self.name = name
        self.email = email
    }

    package init(_ fields: Fields) throws(JSONError) {
        name = try fields.text("name")
        email = try fields.maybeText("email")
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("name", name)
        fields.put("email", email)
    }
}

/// A tenant, as its creation is answered: with its token, which is shown here and to an administrator who asks.
package struct CreatedClient: WireObject {
    package var id: ClientID
    package var name: String
    package var token: Token

    package init(id: ClientID, name: String, token: Token) {
        self.id = id
        self.name = name
        self.token = token
    }

    package init(_ fields: Fields) throws(JSONError) {
        let client = try fields.needObject("client")
        id = try client.need("id")
        name = try client.text("name")
        token = try client.need("token")
    }

    package func write(_ fields: inout FieldWriter) {
        fields.putObject("client") { client in
            client.put("id", id)
            client.put("name", name)
            client.put("token", token)
            client.put("status", "active")
        }
    }
}

/// The answer to the two calls that show a client's token, old or new.
package struct ClientToken: WireObject {
    package var token: Token
    package var clientName: String

    package init(token: Token, clientName: String) {
        self.token = token
        self.clientName = clientName
    }

    package init(_ fields: Fields) throws(JSONError) {
        token = try fields.need("token")
        clientName = try fields.text("client_name")
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("token", token)
        fields.put("client_name", clientName)
    }
}

/// The answer to `GET /api/client/validate`: whose token it is.
package struct ValidatedClient: WireObject {
    package var client: ClientID
    package var name: String
    package var email: String?

    package init(client: ClientID, name: String, email: String? = nil) {
        self.client = client
        self.name = name
        self.email = email
    }

    package init(_ fields: Fields) throws(JSONError) {
        client = try fields.need("client_id")
        name = try fields.text("name")
        email = try fields.maybeText("email")
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("valid", true)
        fields.put("client_id", client)
        fields.put("name", name)
        // Old pages ask for it by this name.
        fields.put("client_name", name)
        fields.put("email", email)
    }
}

/// `POST /api/client/agents/{agent_id}/toggle-enabled`; without a value it turns over.
package struct EnabledChange: WireObject {
    package var enabled: Bool?

    package init(enabled: Bool? = nil) { self.enabled = enabled }
    package init(_ fields: Fields) throws(JSONError) { enabled = try fields.maybe("enabled") }
    package func write(_ fields: inout FieldWriter) { fields.put("enabled", enabled) }
}

/// `POST /api/client/instances/{instance_id}/force-switch`: a person wants the workload elsewhere, now.
package struct ForceSwitch: WireObject {
    package var target: Target

    package enum Target: Hashable, Sendable {
        case onDemand
        case pool(PoolID)
    }

    private enum Kind: String, WireWord { case ondemand, pool }

    package init(target: Target) { self.target = target }

    package init(_ fields: Fields) throws(JSONError) {
        let kind: Kind = try fields.need("target")
        target =
            switch kind {
            case .ondemand: .onDemand
            case .pool: .pool(try fields.need("pool_id"))
            }
    }

    package func write(_ fields: inout FieldWriter) {
        switch target {
        case .onDemand: fields.put("target", Kind.ondemand)
        case .pool(let pool):
            fields.put("target", Kind.pool)
            fields.put("pool_id", pool)
        }
    }
}

/// The answer to what a person asks of a slot and a command carries out.
package struct QueuedCommand: WireObject {
    package var command: CommandID
    package var message: String?

    package init(command: CommandID, message: String? = nil) {
        self.command = command
        self.message = message
    }

    package init(_ fields: Fields) throws(JSONError) {
        command = try fields.need("command_id")
        message = try fields.maybeText("message", upTo: Limits.sentenceBytes)
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("command_id", command)
        fields.putSentence("message", message)
    }
}

/// A body without fields of its own: an order that its path says already, or the plain answer that it was done.
package struct Nothing: WireObject {
    package init() {}
    package init(_ fields: Fields) {}
    package func write(_ fields: inout FieldWriter) {}
}
