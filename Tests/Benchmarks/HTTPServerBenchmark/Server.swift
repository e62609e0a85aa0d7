import Glibc
import HTTPServer
import Platform

/// The process under test: prints its port and serves until its standard input ends.
func serve() throws {
    let parked = Locked<[String: Exchange]>([:])
    var options = ListenerOptions(address: .address("127.0.0.1", port: 0), surroundings: SystemSurroundings())
    options.workers = 2
    options.limits.parkTime = .seconds(600)
    let body = [UInt8](repeating: 0x78, count: 200)
    let nothing = Response(status: 204)
    let listener = try Listener(options) { request, exchange in
        switch request.path {
        case "/park":
            exchange.park(for: .seconds(600)) { nothing }
            parked.withLock { $0[request.parameter("id") ?? ""] = exchange }
        case "/wake":
            let one = parked.withLock { $0.removeValue(forKey: request.parameter("id") ?? "") }
            one?.answer(Response(status: 200, body: body))
            exchange.answer(nothing)
        case "/wake-all":
            let all = parked.withLock { parked in
                defer { parked = [:] }
                return Array(parked.values)
            }
            for one in all { one.answer(Response(status: 200, body: body)) }
            exchange.answer(nothing)
        default: exchange.answer(Response(status: 200, headers: [.json], body: body))
        }
    }
    let line = Array("\(listener.port ?? 0)\n".utf8)
    _ = unsafe write(1, line, line.count)
    var byte: UInt8 = 0
    while unsafe read(0, &byte, 1) > 0 {}
    listener.stop(within: .seconds(5))
}

/// A child process that ends when it is dropped.
final class Child {
    let id: Int32
    private let input: FileDescriptor
    /// What it printed first.
    private(set) var greeting = ""

    init(_ path: String, _ arguments: [String]) throws {
        var toChild: [Int32] = [0, 0]
        var fromChild: [Int32] = [0, 0]
        guard unsafe pipe(&toChild) == 0, unsafe pipe(&fromChild) == 0 else { throw BenchmarkError("make pipes") }
        for end in [toChild[1], fromChild[0]] { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        unsafe posix_spawn_file_actions_adddup2(&actions, toChild[0], 0)
        unsafe posix_spawn_file_actions_adddup2(&actions, fromChild[1], 1)
        var words = unsafe ([path] + arguments).map { unsafe strdup($0) } + [nil]
        var id: pid_t = 0
        let result = unsafe posix_spawnp(&id, path, &actions, nil, &words, environ)
        for index in unsafe words.indices { unsafe free(words[index]) }
        unsafe posix_spawn_file_actions_destroy(&actions)
        close(toChild[0])
        close(fromChild[1])
        guard result == 0 else { throw BenchmarkError("start \(path): \(describe(errno: result))") }
        self.id = id
        input = FileDescriptor(owning: toChild[1])
        output = FileDescriptor(owning: fromChild[0])
    }

    private let output: FileDescriptor

    func awaitGreeting() {
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = unsafe read(output.number, &buffer, buffer.count)
        greeting = String(decoding: buffer.prefix(max(0, count)).prefix { $0 != 0x0A }, as: UTF8.self)
    }

    deinit {
        kill(id, SIGTERM)
        _ = waitpid(id, nil, 0)
    }
}
