import Wire

@main struct Coordinator {
    static func main() {}
}
