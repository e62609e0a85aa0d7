import Wire

struct AddressErrand: Errand {
    init(_ a: ResourceID) {}
    mutating func go(on event: ErrandEvent, _ standing: Standing, _ turn: inout Turn) -> ErrandStep { .done("") }
}
struct VolumeErrand: Errand {
    static func attach(_ v: DataVolume) -> Self { .init() }
    static func detach(_ v: DataVolume) -> Self { .init() }
    mutating func go(on event: ErrandEvent, _ standing: Standing, _ turn: inout Turn) -> ErrandStep { .done("") }
}
struct TargetErrand: Errand {
    static func register(with v: TargetGroup) -> Self { .init() }
    static func deregister(from v: TargetGroup) -> Self { .init() }
    mutating func go(on event: ErrandEvent, _ standing: Standing, _ turn: inout Turn) -> ErrandStep { .done("") }
}
