package import JSON

/// A stand-by machine of a slot, or the order for one: it exists before it has an instance.
package struct Replica: WireObject {
    package var id: ReplicaID
    package var type: ReplicaType
    package var status: ReplicaStatus
    package var instance: InstanceID?
    package var parent: InstanceID?
    package var pool: PoolID?
    package var createdAt: Timestamp
    package var readyAt: Timestamp?
    package var terminatedAt: Timestamp?

    package init(id: ReplicaID, type: ReplicaType, status: ReplicaStatus, createdAt: Timestamp) {
        self.id = id
        self.type = type
        self.status = status
        self.createdAt = createdAt
    }

    package init(_ fields: Fields) throws(JSONError) {
        id = try fields.need("id")
        type = try fields.need("type")
        status = try fields.need("status")
        instance = try fields.maybe("instance_id")
        parent = try fields.maybe("parent_instance_id")
        pool = try fields.maybe("pool_id")
        createdAt = try fields.need("created_at")
        readyAt = try fields.maybe("ready_at")
        terminatedAt = try fields.maybe("terminated_at")
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("id", id)
        fields.put("type", type)
        fields.put("status", status)
        fields.put("instance_id", instance)
        fields.put("parent_instance_id", parent)
        fields.put("pool_id", pool)
        fields.put("created_at", createdAt)
        fields.put("ready_at", readyAt)
        fields.put("terminated_at", terminatedAt)
    }
}

/// Who wanted the replica.
package enum ReplicaType: String, WireWord {
    case manual
    case automaticRebalance = "automatic-rebalance"
    case automaticTermination = "automatic-termination"
}

package enum ReplicaStatus: String, WireWord {
    case launching
    case syncing
    case ready
    case promoted
    case failed
    case terminated
}

/// The answer to `GET /api/agents/{agent_id}/replicas?status=…`.
package struct ReplicaList: WireObject {
    package var replicas: [Replica]

    package init(replicas: [Replica]) { self.replicas = replicas }

    package init(_ fields: Fields) throws(JSONError) {
        replicas = try fields.list("replicas", upTo: Limits.hostsMax)
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("replicas", replicas)
        fields.put("total", replicas.count)
    }
}

/// `POST /api/agents/{agent_id}/replicas`: make a replica, or, with an instance, take in the one that runs already.
package struct ReplicaCreation: WireObject {
    package var type: ReplicaType
    package var instance: InstanceID?
    package var parent: InstanceID?
    /// Nil leaves the choice to the coordinator.
    package var pool: PoolID?
    package var status: ReplicaStatus?

    package init(type: ReplicaType) { self.type = type }

    package init(_ fields: Fields) throws(JSONError) {
        type = try fields.maybe("replica_type") ?? .manual
        instance = try fields.maybe("instance_id")
        parent = try fields.maybe("parent_instance_id")
        pool = try fields.maybe("pool_id")
        status = try fields.maybe("status")
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("replica_type", type)
        fields.put("instance_id", instance)
        fields.put("parent_instance_id", parent)
        fields.put("pool_id", pool)
        fields.put("status", status)
    }
}

/// `PUT /api/agents/{agent_id}/replicas/{replica_id}`: this instance was launched for the replica.
package struct ReplicaLaunch: WireObject {
    package var instance: InstanceID
    package var status: ReplicaStatus

    package init(instance: InstanceID, status: ReplicaStatus) {
        self.instance = instance
        self.status = status
    }

    package init(_ fields: Fields) throws(JSONError) {
        instance = try fields.need("instance_id")
        status = try fields.maybe("status") ?? .syncing
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("instance_id", instance)
        fields.put("status", status)
    }
}

/// `POST /api/agents/{agent_id}/replicas/{replica_id}/status`: how far the replica is.
package struct ReplicaProgress: WireObject {
    package var status: ReplicaStatus
    package var syncStartedAt: Timestamp?
    package var syncCompletedAt: Timestamp?
    package var terminatedAt: Timestamp?
    package var errorMessage: String?

    package init(status: ReplicaStatus) { self.status = status }

    package init(_ fields: Fields) throws(JSONError) {
        status = try fields.need("status")
        syncStartedAt = try fields.maybe("sync_started_at")
        syncCompletedAt = try fields.maybe("sync_completed_at")
        terminatedAt = try fields.maybe("terminated_at")
        errorMessage = try fields.maybeText("error_message", upTo: Limits.sentenceBytes)
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("status", status)
        fields.put("sync_started_at", syncStartedAt)
        fields.put("sync_completed_at", syncCompletedAt)
        fields.put("terminated_at", terminatedAt)
        fields.putSentence("error_message", errorMessage)
    }
}

/// The answer to what creates or changes a replica: how it stands now.
package struct ReplicaReply: WireObject {
    package var replica: ReplicaID
    package var instance: InstanceID?
    package var status: ReplicaStatus

    package init(replica: ReplicaID, instance: InstanceID?, status: ReplicaStatus) {
        self.replica = replica
        self.instance = instance
        self.status = status
    }

    package init(_ fields: Fields) throws(JSONError) {
        replica = try fields.need("replica_id")
        instance = try fields.maybe("instance_id")
        status = try fields.need("status")
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("replica_id", replica)
        fields.put("instance_id", instance)
        fields.put("status", status)
    }
}
