package import JSON

/// `POST /api/agents/register`: a host presents itself with its client's token and asks for its place.
///
/// Known slot, known instance: the same answer again. Known slot, other instance: replica beside a live primary, else
/// primary. Unknown slot: it is made, and this host is its primary.
package struct Registration: WireObject {
    package var logicalAgent: LogicalAgentID
    package var instance: InstanceID
    package var region: Region
    package var hostname: String
    package var agentVersion: String
    package var instanceType: InstanceType?
    package var zone: AvailabilityZone?
    package var image: ResourceID?
    package var mode: Mode?
    package var privateAddress: String?
    package var publicAddress: String?
    /// What the host's environment proposes; it counts only when this registration makes the slot.
    package var proposed: SlotSettingsChange?
    /// The agent in which it was enrolled until its token was refused: one that was deleted is not made anew for that. Nil when
    /// somebody wants it enrolled.
    package var renews: SlotID?

    package init(
        logicalAgent: LogicalAgentID, instance: InstanceID, region: Region, hostname: String,
        agentVersion: String = productVersion
    ) {
        self.logicalAgent = logicalAgent
        self.instance = instance
        self.region = region
        self.hostname = hostname
        self.agentVersion = agentVersion
    }

    package init(_ fields: Fields) throws(JSONError) {
        logicalAgent = try fields.need("logical_agent_id")
        instance = try fields.need("instance_id")
        region = try fields.need("region")
        hostname = try fields.text("hostname")
        agentVersion = try fields.text("agent_version")
        instanceType = try fields.known("instance_type")
        zone = try fields.known("az")
        image = try fields.known("ami_id")
        mode = try fields.known("mode")
        privateAddress = try fields.knownText("private_ip")
        publicAddress = try fields.knownText("public_ip")
        proposed = try fields.maybe("settings")
        renews = try fields.known("renews")
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("logical_agent_id", logicalAgent)
        fields.put("instance_id", instance)
        fields.put("region", region)
        fields.put("hostname", hostname)
        fields.put("agent_version", agentVersion)
        fields.put("instance_type", instanceType)
        fields.put("az", zone)
        fields.put("ami_id", image)
        fields.put("mode", mode)
        fields.put("private_ip", privateAddress)
        fields.put("public_ip", publicAddress)
        fields.put("settings", proposed)
        fields.put("renews", renews)
    }
}

/// What a registered host is told: who it is, with which token it speaks from now on, and how it shall behave.
package struct RegistrationReply: WireObject {
    package var slot: SlotID
    package var client: ClientID
    /// Bound to this slot and this instance. The client's token only enrols.
    package var token: Token
    package var role: Role
    package var epoch: Epoch
    package var configuration: Configuration
    package var serverTime: Timestamp
    /// How long an exclusive slot with a lease may serve without hearing from us; counted from before this request.
    package var leaseSeconds: Int?
    package var message: String?

    package init(
        slot: SlotID, client: ClientID, token: Token, role: Role, epoch: Epoch, configuration: Configuration,
        serverTime: Timestamp
    ) {
        self.slot = slot
        self.client = client
        self.token = token
        self.role = role
        self.epoch = epoch
        self.configuration = configuration
        self.serverTime = serverTime
    }

    package init(_ fields: Fields) throws(JSONError) {
        slot = try fields.need("agent_id")
        client = try fields.need("client_id")
        token = try fields.need("agent_token")
        role = try fields.need("role")
        epoch = try fields.need("epoch")
        configuration = try fields.need("config")
        serverTime = try fields.need("server_time")
        leaseSeconds = try fields.whole("lease_seconds", in: 1...Limits.settingSecondsMax)
        message = try fields.maybeText("message", upTo: Limits.sentenceBytes)
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("agent_id", slot)
        fields.put("client_id", client)
        fields.put("agent_token", token)
        fields.put("role", role)
        fields.put("epoch", epoch)
        fields.put("config", configuration)
        fields.put("server_time", serverTime)
        fields.put("lease_seconds", leaseSeconds)
        fields.putSentence("message", message)
    }
}
