private import CLinux
import Glibc

/// Writing to a shared descriptor without ever waiting and without changing it.
///
/// O_NONBLOCK belongs to the open file, not to the descriptor: setting it on standard error would set it for the shell and
/// every other process that shares it. So:
/// - a socket is sent to with MSG_DONTWAIT;
/// - a pipe or a terminal is opened a second time through /proc, and that open file of our own is non-blocking;
/// - where that is refused (another user made the pipe, or there is no /proc), poll(2) is asked first. A pipe that polls as
///   writable has a free page, which takes a line of 4096 bytes whole; only another process that fills it in between can
///   make us wait;
/// - a regular file has no non-blocking writes; it is written through the shared descriptor, because a second open file
///   would have a position of its own and overwrite the others' lines.
struct NonblockingOutput: ~Copyable, Sendable {
    private enum Way: ~Copyable, Sendable {
        case send
        case writeOwn(FileDescriptor)
        case pollFirst
        case write
        case discard
    }
    private let way: Way
    private let shared: Int32

    /// `reopening` false leaves out the second open file, as if it had been refused.
    init(to descriptor: Int32, reopening: Bool = true) {
        shared = descriptor
        way = Self.way(to: descriptor, reopening: reopening)
    }

    /// How many bytes were taken; none when that would have meant waiting, or when nobody is there to read.
    borrowing func write(_ bytes: [UInt8]) -> Int {
        switch way {
        case .send: Self.send(bytes, to: shared)
        case .writeOwn(let own): writeOnce(bytes[...], to: own.number).result
        case .pollFirst: Self.isWritable(shared) ? writeOnce(bytes[...], to: shared).result : 0
        case .write: writeOnce(bytes[...], to: shared).result
        case .discard: 0
        }
    }

    private static func way(to descriptor: Int32, reopening: Bool) -> Way {
        var status = stat()
        // A closed descriptor stays unused for good: its number may soon belong to a database.
        guard unsafe fstat(descriptor, &status) == 0 else { return .discard }
        switch status.st_mode & clinux_file_type {
        case clinux_file_type_socket: return .send
        case clinux_file_type_regular: return .write
        default: break
        }
        // O_NOCTTY: a daemon must not get a controlling terminal by logging to one.
        let flags = O_WRONLY | O_NONBLOCK | O_NOCTTY
        guard reopening, let own = try? FileDescriptor(opening: "/proc/self/fd/\(descriptor)", flags) else {
            return .pollFirst
        }
        return .writeOwn(own)
    }

    private static func send(_ bytes: [UInt8], to socket: Int32) -> Int {
        let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
        return unsafe bytes.withUnsafeBytes { bytes in
            retryingInterrupts { unsafe Glibc.send(socket, bytes.baseAddress, bytes.count, flags) }.result
        }
    }

    private static func isWritable(_ descriptor: Int32) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return unsafe poll(&entry, 1, 0) == 1 && entry.revents & Int16(POLLOUT) != 0
    }
}

/// write(2) without the SIGPIPE that a reader's absence would raise: here it is an outcome, EPIPE.
///
/// The signal is held back in this thread alone and consumed there. Ignoring it would be inherited by every program that
/// this process starts.
func writeOnce(_ bytes: ArraySlice<UInt8>, to descriptor: Int32) -> (result: Int, errno: Int32) {
    var brokenPipe = sigset_t()
    var before = sigset_t()
    var pending = sigset_t()
    unsafe sigemptyset(&brokenPipe)
    unsafe sigaddset(&brokenPipe, SIGPIPE)
    unsafe sigpending(&pending)
    unsafe pthread_sigmask(SIG_BLOCK, &brokenPipe, &before)
    defer { unsafe pthread_sigmask(SIG_SETMASK, &before, nil) }
    let done = unsafe bytes.withUnsafeBytes { bytes in
        retryingInterrupts { unsafe write(descriptor, bytes.baseAddress, bytes.count) }
    }
    let wasPending = unsafe sigismember(&pending, SIGPIPE) == 1
    if done.result < 0, done.errno == EPIPE, !wasPending {
        var atOnce = timespec(sinceClockZero: .zero)
        _ = retryingInterrupts { unsafe sigtimedwait(&brokenPipe, nil, &atOnce) }
    }
    return done
}
