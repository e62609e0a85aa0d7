import Wire

@main struct Agent {
    static func main() {}
}
