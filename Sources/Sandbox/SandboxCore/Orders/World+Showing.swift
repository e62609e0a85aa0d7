import JSON

/// What an operator is shown.
extension World {
    private func write(_ body: (inout JSONObjectWriter) -> Void) -> [UInt8] {
        var writer = JSONWriter()
        writer.object(body)
        return writer.bytes
    }

    func writeInstance(_ instance: Instance, at now: Moment) -> [UInt8] {
        write { write(instance, to: &$0, at: now) }
    }

    func writeInstances(at now: Moment) -> [UInt8] {
        write { fields in
            fields.array("instances") { list in
                for instance in instances { list.object { write(instance, to: &$0, at: now) } }
            }
        }
    }

    private func write(_ instance: Instance, to fields: inout JSONObjectWriter, at now: Moment) {
        fields.field("id", instance.id)
        fields.optionalField("name", tags[instance.id]?.first { $0.key == "Name" }?.value)
        fields.field("state", instance.state.rawValue)
        fields.optionalField("reason", instance.reason)
        fields.field("type", instance.type)
        fields.field("zone", instance.zone)
        fields.field("image", instance.image)
        fields.field("spot", instance.isSpot)
        fields.field("boot", instance.boots)
        fields.field("address", instance.address)
        fields.field("metadata", boot(instance).metadata)
        fields.optionalField("public_address", addresses.first { $0.instance == instance.id }?.publicAddress)
        fields.field("launched_at", instance.launchedAt)
        if let notice = instance.notice {
            fields.object("notice") { inner in
                inner.field("action", notice.action.rawValue)
                inner.field("time", notice.at)
                inner.field("seconds_left", max(0, (notice.due - now.time).components.seconds))
            }
        }
        fields.optionalField("rebalance", instance.rebalance)
        fields.optionalField("lifecycle", instance.lifecycle)
        fields.field("maintenance", instance.maintenance.map { "\($0.code) at \($0.notBefore)" })
    }

    func writeFaults(at now: Moment) -> [UInt8] {
        write { fields in
            fields.array("faults") { list in
                for fault in faults.all {
                    list.object { fields in
                        fields.field("what", fault.what)
                        fields.field("kind", fault.words)
                        fields.optionalField("instance", fault.instance)
                        fields.optionalField("left", fault.left)
                        fields.optionalField("seconds_left", fault.end.map { ($0 - now.time).components.seconds })
                    }
                }
            }
        }
    }

    func writeTargets() -> [UInt8] {
        write { fields in
            fields.array("targets") { list in
                for group in groups {
                    for member in group.members {
                        list.object { fields in
                            fields.field("group", group.front.name)
                            fields.field("target", member.id)
                            fields.field("address", "\(member.endpoint.address):\(member.endpoint.port)")
                            let health = health(of: member.id, member.endpoint.port, in: group)
                            fields.field("health", health.state)
                            fields.optionalField("reason", health.reason)
                        }
                    }
                }
            }
        }
    }

    func writeStatus() -> [UInt8] {
        write { fields in
            fields.field("not_aws", true)
            fields.field("endpoint", rules.endpoint)
            fields.field("region", rules.region)
            fields.field("zones", rules.zones)
            fields.field("metadata_network", rules.network.description)
            fields.field("access_key", Rules.accessKey)
            fields.field("secret_key", Rules.secretKey)
            fields.field("image", Self.baseImage)
            fields.field("instances", instances.count { $0.state.isUp })
            fields.field("faults", faults.all.count)
            fields.array("balancers") { list in
                for group in groups { list.object { write(group.front, group.arn, to: &$0) } }
            }
            fields.array("addresses") { list in
                for address in addresses {
                    list.object { fields in
                        write(address.front, address.id, to: &fields)
                        fields.optionalField("instance", address.instance)
                    }
                }
            }
            fields.array("volumes") { list in
                for volume in volumes {
                    list.object { fields in
                        fields.field("name", volume.name)
                        fields.field("id", volume.id)
                        fields.field("zone", volume.zone)
                        fields.optionalField("instance", volume.attachment?.instance)
                        fields.optionalField("state", volume.attachment?.state)
                    }
                }
            }
        }
    }

    private func write(_ front: Front, _ id: String, to fields: inout JSONObjectWriter) {
        fields.field("name", front.name)
        fields.field("id", id)
        fields.field("listens", "\(front.address):\(front.port)")
        fields.field("target_port", front.targetPort)
    }
}
