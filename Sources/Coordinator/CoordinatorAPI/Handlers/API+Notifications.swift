import CoordinatorHeart
import HTTPServer
import JSON
import Wire

// What a person should know of, as the original's page shows it behind its bell.
extension API {
    func serveNotifications(_ visit: Visit) {
        let reader = visit.guestClient
        switch visit.route {
        case .markRead:
            guard let id = visit.value(0, of: EventCursorKind.self) else { return }
            visit.later { heart.markRead(id, by: reader, answer: $0) }
        case .markAllRead:
            guard let mark = visit.body(ReadMark.self), visit.mayAsk(about: mark.client) else { return }
            // All that a client sees is its own, whether it says so or not.
            visit.later { heart.markAllRead(by: reader, of: reader == nil ? mark.client : nil, answer: $0) }
        default:
            do throws(WireError) {
                let query = try NotificationQuery(visit.parameters)
                guard visit.mayAsk(about: query.client) else { return }
                visit.later({ heart.notifications(query, for: reader, answer: $0) }) { .json(List($0)) }
            } catch { visit.refuse(.validation, "\(error)") }
        }
    }
}
