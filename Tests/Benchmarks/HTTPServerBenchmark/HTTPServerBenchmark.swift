@main struct HTTPServerBenchmark {
    static func main() {}
}
