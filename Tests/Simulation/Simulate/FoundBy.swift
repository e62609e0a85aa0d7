import Simulation

extension Mutation {
    /// The seed that found it last, for those that take more than a hundred. It is tried first: one of those that would be tried
    /// anyway, so what is asked stays the same, and the answer comes minutes sooner.
    var foundBy: UInt64? {
        switch self {
        case .lateNoticesAreNew: 485
        case .disarmForgotten: 296
        case .fencedThoughNot: 511
        case .lastMomentTooEarly: 183
        case .lastMomentIgnored: 209
        case .courseForgotten: 446
        case .oldRepeatsCount: 228
        default: nil
        }
    }
}
