import CMicroHTTPD
import Glibc
import Synchronization

// Some requests the library refuses alone, with a page in HTML, and has no option to change it. It makes that page with its own
// `MHD_create_response_from_buffer`, called by name: and a program's function of that name goes before a library's (Decisions/0003).

/// In place of the library's. What it is about to send is looked for on its worker, where `noteRefusal` left it.
@_cdecl("MHD_create_response_from_buffer")
package func makeLibraryResponse(
    _ count: Int, _ bytes: UnsafeMutableRawPointer?, _ mode: UInt32
) -> OpaquePointer? {
    // Only its pages lie in its own memory for good.
    guard mode == MHD_ResponseMemoryMode.RESPMEM_PERSISTENT.rawValue else {
        return mode == MHD_ResponseMemoryMode.RESPMEM_MUST_FREE.rawValue
            ? unsafe MHD_create_response_from_buffer_with_free_callback(count, bytes, free)
            : unsafe makeCopiedResponse(UnsafeRawBufferPointer(start: bytes, count: count))
    }
    guard let page = LibraryPages.take() else {
        return unsafe MHD_create_response_from_buffer_with_free_callback(count, bytes, nil)
    }
    return unsafe page.makeResponse()
}

/// The library frees the copy.
func makeCopiedResponse(_ bytes: UnsafeRawBufferPointer) -> OpaquePointer? {
    guard let start = bytes.baseAddress, bytes.count > 0 else {
        return unsafe MHD_create_response_from_buffer_with_free_callback(0, nil, nil)
    }
    guard let copy = unsafe malloc(bytes.count) else { return nil }
    unsafe copy.copyMemory(from: start, byteCount: bytes.count)
    let made = unsafe MHD_create_response_from_buffer_with_free_callback(bytes.count, copy, free)
    if unsafe made == nil { unsafe free(copy) }
    return unsafe made
}

/// The page of one refusal, from the library's announcement until it is sent. It counts in `refusalsUnderWay` as long as it lives.
final class LibraryPage {
    private let core: ListenerCore
    private let words: Response?

    init(_ refusal: Refusal, core: ListenerCore) {
        self.core = core
        core.refusalsUnderWay.wrappingAdd(1, ordering: .sequentiallyConsistent)
        // Once it is being stopped the library keeps no answer, says that it did, and then reads what it has not kept.
        // Without a page it closes the connection.
        words = core.isStopping ? nil : core.options.refusal(refusal)
    }

    deinit { core.refusalsUnderWay.wrappingSubtract(1, ordering: .sequentiallyConsistent) }

    /// The library releases the page with the response.
    fileprivate func makeResponse() -> OpaquePointer? {
        guard let words else { return nil }
        let sent = Sent(words.body, self)
        let kept = unsafe Unmanaged.passRetained(sent)
        let release: @convention(c) (UnsafeMutableRawPointer?) -> Void = { sent in
            if let sent = unsafe sent { unsafe Unmanaged<Sent>.fromOpaque(sent).release() }
        }
        let made = unsafe MHD_create_response_from_buffer_with_free_callback_cls(
            sent.bytes.count, sent.bytes.baseAddress, release, kept.toOpaque())
        guard let made = unsafe made else {
            unsafe kept.release()
            return nil
        }
        for field in words.headers { unsafe MHD_add_response_header(made, field.name, field.value) }
        return unsafe made
    }

    /// The bytes that the library reads.
    @safe private final class Sent {
        let bytes: UnsafeMutableBufferPointer<UInt8>
        private let page: LibraryPage

        init(_ body: [UInt8], _ page: LibraryPage) {
            unsafe bytes = .allocate(capacity: body.count)
            _ = unsafe bytes.initialize(from: body)
            self.page = page
        }

        deinit { unsafe bytes.deallocate() }
    }
}

/// The page of the refusal that each worker's library is about to send.
enum LibraryPages {
    /// Nil: no thread can keep anything, and the library's own words are sent.
    private static let key: pthread_key_t? = {
        var key = pthread_key_t()
        let release: @convention(c) (UnsafeMutableRawPointer?) -> Void = { page in
            if let page = unsafe page { unsafe Unmanaged<LibraryPage>.fromOpaque(page).release() }
        }
        return unsafe pthread_key_create(&key, release) == 0 ? key : nil
    }()

    /// The next page of the calling thread.
    static func replace(with page: LibraryPage) {
        guard let key else { return }
        _ = take()
        let page = unsafe Unmanaged.passRetained(page)
        if unsafe pthread_setspecific(key, page.toOpaque()) != 0 { unsafe page.release() }
    }

    static func take() -> LibraryPage? {
        guard let key, let kept = unsafe pthread_getspecific(key) else { return nil }
        pthread_setspecific(key, nil)
        return unsafe Unmanaged<LibraryPage>.fromOpaque(kept).takeRetainedValue()
    }

    /// What is wrong, as far as the status tells.
    static func reason(_ status: Int, _ limits: ListenerLimits) -> String {
        switch status {
        case 413: "the length of the body is no number that anybody could send"
        case 414, 431: "the request line and the header are longer than \(limits.headerBytes) bytes"
        case 505: "expected HTTP/1.1"
        default: "the request, or a chunk of its body, is not what HTTP says"
        }
    }
}
