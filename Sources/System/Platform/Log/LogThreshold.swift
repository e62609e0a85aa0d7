/// The words by which a setting names a level; those of the original Python system among them.
package enum LogThreshold: String, Sendable, CaseIterable {
    case error, warning, notice, info, debug

    package var level: LogLevel {
        switch self {
        case .error: .error
        case .warning: .warning
        case .notice: .notice
        case .info: .info
        case .debug: .debug
        }
    }
}
