import BenchmarkSupport
import CCurl
import Glibc
import JSON
import Platform
import Wire

/// What asking costs with libcurl and nothing around it: two kept handles on one multi handle, the agent's own requests at
/// the agent's own pace, answers thrown away unread.
///
/// A process of its own, because it is measured.
@safe final class Floor {
    private let multi: UnsafeMutableRawPointer
    private let metadata: UnsafeMutableRawPointer
    private let heartbeat: UnsafeMutableRawPointer
    private let endpoint: String
    private let began = SystemSurroundings().monotonic()
    private var isReading = false
    /// What is read, how often, and when next.
    private var items: [(path: String, period: Duration, due: Duration)] = [
        ("spot/instance-action", .seconds(1), .zero), ("autoscaling/target-lifecycle-state", .seconds(5), .zero),
        ("events/recommendations/rebalance", .seconds(5), .zero), ("events/maintenance/scheduled", .seconds(60), .zero),
    ]

    /// Metadata service, coordinator, client's token, instance.
    init(_ arguments: [String]) throws {
        guard arguments.count == 4, let multi = unsafe curl_multi_init(), let one = unsafe curl_easy_init(),
            let two = unsafe curl_easy_init()
        else { throw BenchmarkError("floor: it takes four arguments") }
        unsafe (self.multi, metadata, heartbeat) = (multi, one, two)
        endpoint = arguments[0]
        let token = try Self.ask("\(endpoint)/latest/api/token", ["X-aws-ec2-metadata-token-ttl-seconds: 21600"], "PUT")
        unsafe prepare(metadata, ["X-aws-ec2-metadata-token: \(token)"])
        try prepareHeartbeat(server: arguments[1], clientToken: arguments[2], instance: InstanceID(arguments[3]))
    }

    private func prepareHeartbeat(server: String, clientToken: String, instance: InstanceID) throws {
        var registration = Registration(
            logicalAgent: LogicalAgentID("floor"), instance: instance, region: "us-east-1", hostname: "floor")
        registration.mode = .spot
        let reply = try decodeJSON(
            RegistrationReply.self,
            from: Array(
                Self.ask(
                    server + Route.register.path(), ["Authorization: Bearer \(clientToken)"], "POST",
                    encodeJSON(registration)
                ).utf8))
        unsafe prepare(
            heartbeat,
            [
                "Authorization: Bearer \(reply.token.secret)", "Content-Type: application/json",
                "\(protocolHeader): \(protocolVersion)",
            ], encodeJSON(Heartbeat(status: .online, instance: instance)))
        let target = Route.heartbeat.target([reply.slot], query: [(.wait, "3")])
        unsafe ccurl_set_string(heartbeat, CURLOPT_URL, server + target)
    }

    func run() throws {
        print("asking")
        fflush(nil)
        unsafe curl_multi_add_handle(multi, heartbeat)
        while true {
            readNext()
            var running: Int32 = 0
            unsafe curl_multi_perform(multi, &running)
            if takeEnded() { continue }
            let next = items.map(\.due).min() ?? .zero
            let pause = isReading ? .seconds(10) : max(.zero, next - now)
            unsafe curl_multi_poll(multi, nil, 0, Int32((pause / .milliseconds(1)).rounded(.up)), nil)
        }
    }

    private var now: Duration { SystemSurroundings().monotonic() - began }

    private func readNext() {
        guard !isReading, let index = items.firstIndex(where: { $0.due <= now }) else { return }
        isReading = true
        items[index].due = now + items[index].period
        unsafe ccurl_set_string(metadata, CURLOPT_URL, "\(endpoint)/latest/meta-data/\(items[index].path)")
        unsafe curl_multi_add_handle(multi, metadata)
    }

    private func takeEnded() -> Bool {
        var left: Int32 = 0
        var hasEnded = false
        while let message = unsafe curl_multi_info_read(multi, &left) {
            guard let handle = unsafe message.pointee.easy_handle else { continue }
            unsafe curl_multi_remove_handle(multi, handle)
            hasEnded = true
            if unsafe handle == heartbeat { unsafe curl_multi_add_handle(multi, heartbeat) } else { isReading = false }
        }
        return hasEnded
    }

    // MARK: Handles

    private static func ask(
        _ url: String, _ headers: [String], _ method: String, _ body: [UInt8] = []
    ) throws -> String {
        guard let handle = unsafe curl_easy_init() else { throw BenchmarkError("floor: no handle") }
        defer { unsafe curl_easy_cleanup(handle) }
        let answer = Answer()
        unsafe prepare(handle, headers, body)
        unsafe ccurl_set_string(handle, CURLOPT_URL, url)
        unsafe ccurl_set_string(handle, CURLOPT_CUSTOMREQUEST, method)
        unsafe ccurl_set_receiver(handle, CURLOPT_WRITEFUNCTION, keep)
        unsafe ccurl_set_pointer(handle, CURLOPT_WRITEDATA, Unmanaged.passUnretained(answer).toOpaque())
        let code = unsafe curl_easy_perform(handle)
        guard code == CURLE_OK else { throw BenchmarkError("floor: ask \(url): curl \(code.rawValue)") }
        return String(decoding: answer.bytes, as: UTF8.self)
    }
}

private final class Answer { var bytes: [UInt8] = [] }

/// The list and the body are kept for the whole run.
private func prepare(_ handle: UnsafeMutableRawPointer, _ headers: [String], _ body: [UInt8] = []) {
    var list: UnsafeMutablePointer<curl_slist>?
    for header in headers { unsafe list = curl_slist_append(list, header) }
    unsafe ccurl_set_list(handle, CURLOPT_HTTPHEADER, list)
    unsafe ccurl_set_receiver(handle, CURLOPT_WRITEFUNCTION, discard)
    guard !body.isEmpty else { return }
    unsafe ccurl_set_offset(handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count))
    unsafe body.withUnsafeBytes { bytes in
        _ = unsafe ccurl_set_bytes(handle, CURLOPT_COPYPOSTFIELDS, bytes.baseAddress)
    }
}

private func discard(_: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _: UnsafeMutableRawPointer?) -> Int {
    size * count
}

private func keep(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    guard let context = unsafe context else { return 0 }
    let part = unsafe UnsafeRawBufferPointer(start: bytes, count: size * count)
    unsafe Unmanaged<Answer>.fromOpaque(context).takeUnretainedValue().bytes += part
    return size * count
}
