import Glibc
import HTTPServer
import Platform
import SandboxCore
import Systemd

/// A workload for demonstrations: a page that says who serves it, and at SIGTERM ends what it has begun.
enum Page {
    private static let farewell = Duration.seconds(2)

    static func serve(_ invocation: Invocation) -> ExitStatus {
        guard let place = ListenPlace(invocation.options["at"] ?? "127.0.0.1:8080"), place.address.isPrivate else {
            StandardStream.error.write(
                "spot-sandbox: --at: an address of a private network and a port, such as 127.0.0.1:8080\n")
            return .usage
        }
        Loop.block(signals: [SIGTERM, SIGINT])
        do {
            let loop = try Loop()
            let signals = try [SIGTERM, SIGINT].map { try loop.onSignal($0) { loop.stop(0) } }
            defer { for signal in signals { signal.cancel() } }
            var options = ListenerOptions(
                address: .address("\(place.address)", port: UInt16(place.port)), surroundings: SystemSurroundings())
            options.workers = 1
            let text = "\(invocation.arguments.first ?? "")\n"
            let listener = try Listener(options) { _, exchange in exchange.answer(Response(status: 200, text: text)) }
            _ = try loop.run()
            listener.stop(within: farewell)
            return .success
        } catch {
            StandardStream.error.write("spot-sandbox: \(error)\n")
            return .failure
        }
    }
}
