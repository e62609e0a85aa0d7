import CoordinatorCore
import JSON
import Testing
import Wire

/// What the readers of the log make of a line.
struct EventKindTests {
    private func event(_ kind: EventKind, drill: Bool = false) -> Event {
        var event = Event(kind: kind, sentence: "", at: Timestamp(nanosecondsSinceEpoch: 0))
        event.isDrill = drill
        return event
    }

    @Test func `a person is told whatever is critical or an error, and nothing of a drill`() {
        for kind in EventKind.allCases {
            if [.critical, .error].contains(kind.severity) { #expect(event(kind).notifies, "\(kind)") }
            #expect(!event(kind, drill: true).notifies, "\(kind)")
        }
        for kind in [EventKind.agentRegistered, .hostBack, .switchCompleted, .tokenRegenerated] {
            #expect(event(kind).notifies, "\(kind)")
        }
        for kind in [EventKind.commandQueued, .settingsChanged, .replicaOrdered] {
            #expect(!event(kind).notifies, "\(kind)")
        }
    }

    @Test func `each line has a name in the live stream that listeners can ask for`() {
        for kind in EventKind.allCases {
            #expect(kind.streamed.name.wholeMatch(of: /[A-Z_]+/) != nil, "\(kind)")
        }
        #expect(EventKind.hostOffline.streamed.name == "AGENT_STATUS_CHANGED")
        #expect(EventKind.hostOffline.streamed.status == "offline")
        #expect(EventKind.replicaTerminated.streamed.name == "INSTANCE_TERMINATING")
        #expect(EventKind.instanceTerminated.streamed.name == "INSTANCE_TERMINATED")
        #expect(EventKind.terminationNotice.streamed.name == "EMERGENCY_EVENT")
        #expect(EventKind.settingsChanged.streamed.name == "SETTINGS_CHANGED")
    }
}
