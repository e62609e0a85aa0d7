@main struct JSONBenchmark {
    static func main() {}
}
