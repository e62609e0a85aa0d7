import HTTPClient
import JSON
import Platform
import Systemd

/// The sub-commands that give a running sandbox an order.
enum Operator {
    static func run(_ invocation: Invocation, _ environment: [String: String]) -> ExitStatus {
        let own = environment["SPOT_SANDBOX_URL"].flatMap { $0.isEmpty ? nil : $0 }
        var url = invocation.options["sandbox"] ?? own ?? "http://127.0.0.1:1338"
        while url.hasSuffix("/") { url.removeLast() }
        do throws(Failure) {
            let order = Order(invocation)
            let answer = try ask(url, order)
            let document = try read(answer, from: url)
            guard answer.status == 200 else {
                let sentence =
                    (try? document.root.object().required("error").string()) ?? "it answered \(answer.status)"
                throw Failure(.failure, sentence)
            }
            let isJSON = invocation.has("json")
            let text = isJSON ? String(decoding: answer.body, as: UTF8.self) + "\n" : order.show(document.root)
            return StandardStream.output.write(text) ? .success : .failure
        } catch {
            StandardStream.error.write("spot-sandbox: \(error.sentence)\n")
            return error.status
        }
    }

    private struct Failure: Error {
        let status: ExitStatus
        let sentence: String
        init(_ status: ExitStatus, _ sentence: String) { (self.status, self.sentence) = (status, sentence) }
    }

    private static func ask(_ url: String, _ order: Order) throws(Failure) -> IncomingResponse {
        do {
            let loop = try Loop()
            let transport = try Transport(loop: loop, options: TransportOptions(userAgent: "spot-sandbox"))
            var result: Result<IncomingResponse, TransportError>?
            let request = OutgoingRequest(
                order.body == nil ? .get : .post, "\(url)/sandbox/\(order.path)", body: order.body ?? [],
                deadline: .seconds(10), responseLimit: 8 << 20)
            transport.send(request) { result = $0 }
            while true {
                if let result { return try result.get() }
                _ = try loop.turn(timeout: nil)
            }
        } catch {
            throw Failure(.unavailable, "\(error): does one run (spot-sandbox serve)? Another address: --sandbox URL")
        }
    }

    private static func read(_ answer: IncomingResponse, from url: String) throws(Failure) -> JSONDocument {
        guard answer.header("Server")?.hasPrefix("spot-sandbox") ?? false else {
            throw Failure(.unavailable, "what listens at \(url) is no sandbox; another address: --sandbox URL")
        }
        do throws(JSONError) { return try JSONDocument(answer.body) } catch {
            throw Failure(.unavailable, "what \(url) answered is not understood: \(error)")
        }
    }
}

/// What a sub-command asks for.
struct Order {
    let path: String
    /// Nil: it only looks.
    let body: [UInt8]?
    private let name: String

    init(_ invocation: Invocation) {
        let name = invocation.subcommand
        self.name = name
        let arguments = invocation.arguments
        switch name {
        case "instances", "faults", "targets", "status": (path, body) = (name, nil)
        case "launch":
            path = "instances"
            body = Self.write(invocation, ["type": "type", "zone": "zone", "address": "address", "name": "name"]) {
                if invocation.has("on-demand") { $0.field("spot", false) }
                if invocation.has("no-boot") { $0.field("boot", false) }
            }
        case "fault":
            path = "faults"
            body = Self.write(invocation, ["count": "count", "seconds": "seconds", "instance": "instance"]) { fields in
                for (key, value) in zip(["what", "kind", "value"], arguments) { fields.field(key, value) }
            }
        case "mend":
            path = "mend"
            body = Self.write(invocation) { $0.optionalField("what", arguments.first) }
        default:
            // A name may have letters that a path may not.
            path = "instances/\(escaped(arguments[0]))/\(name)"
            body = Self.write(invocation, ["in": "seconds", "action": "action", "code": "code"]) { fields in
                if name == "lifecycle" { fields.field("state", arguments[1]) }
                if ["register", "deregister"].contains(name) { fields.field("balancer", arguments[1]) }
                if invocation.has("at-once") { fields.field("at_once", true) }
            }
        }
    }

    private static func write(
        _ invocation: Invocation, _ options: [String: String] = [:], _ more: (inout JSONObjectWriter) -> Void
    ) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { fields in
            for (option, key) in options { fields.optionalField(key, invocation.options[option]) }
            more(&fields)
        }
        return writer.bytes
    }

    func show(_ answer: JSONValue) -> String {
        switch name {
        case "instances": instances(answer)
        case "faults", "fault", "mend": faults(answer)
        case "targets", "register", "deregister": targets(answer)
        case "status": status(answer)
        default: sheet(answer)
        }
    }
}

private func escaped(_ text: String) -> String {
    text.utf8.map { byte in
        let character = Character(UnicodeScalar(byte))
        let isPlain = byte < 0x80 && (character.isLetter || character.isNumber) || "-._~".contains(character)
        return isPlain ? String(character) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
    }.joined()
}
