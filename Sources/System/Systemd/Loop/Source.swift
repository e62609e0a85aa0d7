import CSystemd

/// Owns one `sd_event_source` and what it calls.
///
/// sd-event keeps a plain pointer to this object, and therefore the object takes the source with it when it goes; the
/// trampolines hold the object while its handler runs, so that the handler may drop it.
@safe class Source<Handler> {
    private var handle: OpaquePointer?
    private(set) var handler: Handler?

    init(_ handler: Handler) { self.handler = handler }

    deinit { cancel() }

    /// Ends the calls and lets go of the handler. May be repeated.
    package func cancel() {
        unsafe sd_event_source_disable_unref(handle)
        unsafe handle = nil
        handler = nil
    }

    /// Asks sd-event for the source: `add` gets where to put it and the context for the trampoline.
    final func add(
        _ add: (UnsafeMutablePointer<OpaquePointer?>, UnsafeMutableRawPointer) -> Int32
    ) -> Int32 {
        unsafe add(&handle, Unmanaged.passUnretained(self).toOpaque())
    }

    /// Calls `change` unless the source is cancelled already.
    final func ifLive(_ change: (OpaquePointer) -> Int32) -> Int32 {
        guard let handle = unsafe handle else { return 0 }
        return unsafe change(handle)
    }

    static func from(_ context: UnsafeMutableRawPointer?) -> Self? {
        unsafe context.map { unsafe Unmanaged<Self>.fromOpaque($0).takeUnretainedValue() }
    }
}
