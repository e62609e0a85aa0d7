/// One try to connect over TCP to an address that needs no name server, on a loop that it does not hold up. What was connected
/// is closed at once: the answer is that somebody took it.
package final class ConnectionAttempt {
    private let socket: StreamSocket
    private let doing: String
    private let completion: (Result<Void, PlatformError>) -> Void
    private var watch: (any DescriptorWatch)?

    /// `address` is IPv4 or IPv6 in figures. `completion` is called once in a later turn of the loop, unless the attempt was
    /// dropped before; the kernel itself gives up only after minutes.
    package init(
        to address: String, _ port: Int, on loop: any EventLoop,
        _ completion: @escaping (Result<Void, PlatformError>) -> Void
    ) throws {
        doing = "connect to \(address.contains(":") ? "[\(address)]" : address):\(port)"
        self.completion = completion
        socket = try StreamSocket(connectingTo: address, port, doing)
        watch = try loop.watch(descriptor: socket.descriptor.number, for: .writable) { [weak self] _ in self?.finish() }
    }

    deinit { watch?.cancel() }

    private func finish() {
        watch?.cancel()
        let reason = socket.failure
        completion(reason == 0 ? .success(()) : .failure(PlatformError(doing, errno: reason)))
    }
}
