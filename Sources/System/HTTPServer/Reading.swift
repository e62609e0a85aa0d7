import Glibc
import Platform

/// Whose header each worker reads: that of the last request line which came to it, until its header is complete or it ends.
/// Nearly always the header comes with its request line; else another one may have come between, and then this is that one.
final class Reading: Sendable {
    private let key: pthread_key_t

    init() throws(HTTPServerError) {
        var key = pthread_key_t()
        let made = unsafe pthread_key_create(&key, nil)
        guard made == 0 else { throw HTTPServerError(.failed, "make a key of threads: \(describe(errno: made))") }
        self.key = key
    }

    deinit { pthread_key_delete(key) }

    /// Of the calling thread. The library holds it as long as it is here.
    var exchange: Exchange? {
        get {
            unsafe pthread_getspecific(key).map { unsafe Unmanaged<Exchange>.fromOpaque($0).takeUnretainedValue() }
        }
        set(exchange) {
            unsafe pthread_setspecific(key, exchange.map { unsafe Unmanaged.passUnretained($0).toOpaque() })
        }
    }
}
