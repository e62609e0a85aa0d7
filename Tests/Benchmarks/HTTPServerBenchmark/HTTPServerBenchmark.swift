import Glibc
import HTTPServer
import Platform

/// Measures the server in a process of its own beside nginx on the same machine in the same run.
///
///     swift run -c release HTTPServerBenchmark
///
/// Needs wrk and nginx (Debian: wrk, nginx-light).
@main struct HTTPServerBenchmark {
    static func main() {
        do {
            if CommandLine.arguments.dropFirst().first == "serve" {
                try serve()
            } else {
                try allowManyDescriptors()
                try compareThroughput()
                for count in [5_000, 9_000] { try measureParking(count) }
            }
        } catch {
            print("benchmark: \(error)")
            exit(1)
        }
    }
}

struct BenchmarkError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
