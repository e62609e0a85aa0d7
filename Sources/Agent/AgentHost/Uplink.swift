import HTTPClient
package import JSON
package import Platform
import Wire

/// The way to the coordinator: typed questions over one kept-alive connection, on the loop's thread.
package final class Uplink {
    private let transport: Transport
    private let server: String

    /// `server` is the coordinator's URL, without a slash at its end. A path in it is kept, so that it may live behind a
    /// proxy's prefix.
    package init(loop: any EventLoop, server: String, caFile: String?) throws(UplinkError) {
        let options = TransportOptions(userAgent: "spot-agent/\(productVersion)", caFile: caFile)
        do { transport = try Transport(loop: loop, options: options) } catch { throw UplinkError(error) }
        self.server = server
    }

    /// Asks for the coordinator's time. `completion` is called once, in a later turn of the loop.
    package func askTime(
        deadline: Duration, _ completion: @escaping (Result<Timestamp, UplinkError>) -> Void
    ) {
        let request = OutgoingRequest(
            .get, server + Route.time.path(), deadline: deadline, responseLimit: Limits.replyBytes)
        transport.send(request) { [server] result in
            completion(result.mapError(UplinkError.init).flatMap { Self.read($0, from: server) })
        }
    }

    private static func read(_ response: IncomingResponse, from server: String) -> Result<Timestamp, UplinkError> {
        guard response.status == 200 else {
            return .failure(UplinkError("\(server) answered \(response.status): is it a spot-coordinator?"))
        }
        do throws(JSONError) {
            return .success(try decodeJSON(ServerTime.self, from: response.body).serverTime)
        } catch {
            return .failure(UplinkError("\(server) answered something else than its time: \(error)"))
        }
    }
}

/// Why the coordinator did not answer a question, in a sentence.
package struct UplinkError: Error, Equatable, CustomStringConvertible {
    package let description: String
    init(_ description: String) { self.description = description }

    init(_ cause: TransportError) {
        let remedy =
            switch cause.code {
            case .untrustedPeer: "; if its authority is your own, name its certificate in SERVER_CA_FILE"
            case .badCAFile: "; see SERVER_CA_FILE, or install the package ca-certificates"
            default: ""
            }
        description = "\(cause)\(remedy)"
    }
}
