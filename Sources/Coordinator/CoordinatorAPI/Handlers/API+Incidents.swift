import CoordinatorHeart
import HTTPServer
import JSON
import Platform
import Wire

// What became of interruptions, for administrators, and for each host those of its own slot.
extension API {
    func incidents(_ visit: Visit) {
        do throws(WireError) {
            let query = try IncidentQuery(visit.parameters)
            if case .host(let line) = visit.guest, query.slot != line.slot {
                return visit.refuse(.forbidden, "an agent is told of its own incidents: name it, as agent_id")
            }
            visit.later { heart.incidents(query, answer: $0) }
        } catch { visit.refuse(.validation, "\(error)") }
    }

    func incident(_ visit: Visit) {
        guard let id = visit.value(0, of: IncidentKind.self), let wantsText = wantsText(visit) else { return }
        let respond: @Sendable (Incident) -> Response = { incident in
            wantsText ? Response(status: 200, text: incident.story(printable)) : .json(incident)
        }
        guard case .host(let line) = visit.guest else {
            return visit.later({ heart.incident(id, answer: $0) }, respond)
        }
        visit.later({ heart.incident(id, of: line.slot, answer: $0) }, respond)
    }

    /// Whether the answer is for a person. Nil: it was refused.
    private func wantsText(_ visit: Visit) -> Bool? {
        switch visit.request.parameter(QueryParameter.format.rawValue) {
        case nil: return visit.request.headers.all("Accept").first?.hasPrefix("text/plain") ?? false
        case "text": return true
        case "json": return false
        default:
            visit.refuse(.validation, "format: expected text or json")
            return nil
        }
    }
}
