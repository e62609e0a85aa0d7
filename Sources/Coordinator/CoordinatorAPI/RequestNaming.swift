import HTTPServer
import Platform
import Wire

extension Surroundings {
    /// What a request is called in refusals: as its caller calls it, or by a new name.
    func requestID(of headers: HeaderFields?) -> RequestID {
        if let given = headers?[name: "X-Request-ID"], let id = try? RequestID(given) { return id }
        do { return try RequestID(hexadecimal(random())) } catch {
            preconditionFailure("16 digits are a name: \(error)")
        }
    }
}

private func hexadecimal(_ number: UInt64) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
}
