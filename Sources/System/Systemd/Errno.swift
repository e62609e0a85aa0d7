import CSystemd

/// `permission denied (errno 13)`; libsystemd returns a negative errno, the kernel's calls leave a positive one.
func reason(_ result: Int32) -> String {
    let number = abs(result)
    guard let text = unsafe strerrordesc_np(number) else { return "errno \(number)" }
    return "\(unsafe String(cString: text).lowercased()) (errno \(number))"
}
