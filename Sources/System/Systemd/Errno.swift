import Platform

/// `permission denied (errno 13)`; libsystemd returns a negative errno, the kernel's calls leave a positive one.
func reason(_ result: Int32) -> String { describe(errno: abs(result)) }
