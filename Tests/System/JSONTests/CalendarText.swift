import Glibc

/// A whole second as the C library's calendar writes it: an independent judge.
func calendarText(_ seconds: Int64) -> String {
    var time = time_t(seconds)
    var fields = unsafe tm()
    unsafe gmtime_r(&time, &fields)
    var text = [CChar](repeating: 0, count: 64)
    let length = unsafe strftime(&text, text.count, "%Y-%m-%dT%H:%M:%SZ", &fields)
    return String(decoding: text[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
