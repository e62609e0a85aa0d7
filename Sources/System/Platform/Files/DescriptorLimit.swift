import Glibc

/// Lets this process open as many descriptors as it may (the soft limit becomes the hard one), for programs that hold a
/// connection for each client. The soft limit is low only for the sake of select(2), which nothing of ours uses. Returns
/// the limit that holds now.
@discardableResult
package func raiseDescriptorLimit() -> Int {
    var limit = rlimit()
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    guard unsafe getrlimit(resource, &limit) == 0 else { return 1_024 }
    let soft = limit.rlim_cur
    limit.rlim_cur = limit.rlim_max
    let isRaised = unsafe setrlimit(resource, &limit) == 0
    return Int(clamping: isRaised ? limit.rlim_max : soft)
}
