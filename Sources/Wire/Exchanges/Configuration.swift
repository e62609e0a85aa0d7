package import JSON

/// `GET /api/agents/{agent_id}/config`: how a slot's hosts shall behave, whole.
///
/// Its version is the entity tag of the reply: an agent sends the one it has as `If-None-Match` and gets 304 while
/// nothing changed. A setting that an older coordinator does not know has the default of a new slot.
package struct Configuration: WireObject {
    package var version: ConfigVersion
    package var settings: SlotSettings
    /// Whether this slot reports prices for its client, region and instance type, so that a fleet asks EC2 only once.
    package var reportsPrices: Bool

    package init(version: ConfigVersion, settings: SlotSettings = SlotSettings(), reportsPrices: Bool = false) {
        self.version = version
        self.settings = settings
        self.reportsPrices = reportsPrices
    }

    package init(_ fields: Fields) throws(JSONError) {
        version = try fields.need("config_version")
        reportsPrices = try fields.maybe("pricing_reporter") ?? false
        settings = try SlotSettingsChange(fields).applied(to: SlotSettings())
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("config_version", version)
        fields.put("pricing_reporter", reportsPrices)
        SlotSettingsChange(to: settings).write(&fields)
    }
}
