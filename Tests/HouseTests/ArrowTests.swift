import Testing

/// What `Package.swift` lets each module import, and what `Sources/README.md` says of it.
struct ArrowTests {
    private let repository = Repository()

    private struct Module {
        let name: String
        let group: String
        let uses: [String]
    }

    /// The lines of Package.swift such as `library("Wire", in: "Sources", uses: ["JSON"]),`.
    private func declared() throws -> [Module] {
        let manifest = try repository.text(of: "Package.swift")
        let call = /\s(?:library|program)\(\s*"(?<name>\w+)", in: "(?<group>[\w\/]+)"(?:,\s*uses: \[(?<uses>[^\]]*)\])?/
        return manifest.matches(of: call).map { match in
            let uses = (match.output.uses ?? "").matches(of: /"(\w+)"/).map { String($0.output.1) }
            return Module(name: String(match.output.name), group: String(match.output.group), uses: uses.sorted())
        }
    }

    /// The rows `| Module | may import | why |` of the map.
    private func documented() throws -> [String: [String]] {
        var rows: [String: [String]] = [:]
        for line in try repository.text(of: "Sources/README.md").split(separator: "\n") where line.hasPrefix("| ") {
            let cells = line.split(separator: "|").map { $0.trimmed }
            guard cells.count == 3, cells[0] != "Module", !cells[0].hasPrefix("-") else { continue }
            let arrows = cells[1] == "nothing" ? [] : cells[1].split(separator: ",").map { $0.trimmed }.sorted()
            for module in cells[0].split(separator: ",") { rows[module.trimmed] = arrows }
        }
        return rows
    }

    @Test func `the map and Package.swift show the same arrows`() throws {
        let shipped = try declared().filter { $0.group.hasPrefix("Sources") }
        let map = try documented()
        #expect(Set(shipped.map(\.name)) == Set(map.keys))
        for module in shipped { #expect(map[module.name] == module.uses, "\(module.name)") }
        #expect(shipped.count >= 10)
    }

    @Test func `the agent, the coordinator and the sandbox do not know each other, and nobody imports a main`() throws {
        for module in try declared() {
            let forbidden =
                switch module.group {
                case "Sources/Agent": ["Coordinator", "Sandbox", "SQLite", "HTTPServer"]
                case "Sources/Coordinator": ["Agent", "Sandbox"]
                case "Sources/Sandbox": ["Agent", "Coordinator", "SQLite", "Wire"]
                case "Sources", "Sources/System": ["Agent", "Coordinator", "Sandbox", "Wire"]
                default: [String]()
                }
            let found = module.uses.filter { use in use.hasSuffix("Main") || forbidden.contains { use.hasPrefix($0) } }
            #expect(found.isEmpty, "\(module.name)")
        }
    }

    @Test func `each folder of Sources is a declared module that says its place in a sentence`() throws {
        let names = Set(try declared().map(\.name))
        for group in ["Agent", "Coordinator", "Sandbox", "System"] {
            for folder in try repository.names(in: "Sources/\(group)") {
                let path = "Sources/\(group)/\(folder)"
                if try repository.names(in: path).contains("module.modulemap") {
                    #expect(try repository.names(in: path) == ["module.modulemap", "shim.h"], "\(path)")
                } else {
                    #expect(names.contains(folder), "\(path)")
                    let page = try repository.text(of: "\(path)/Docs.docc/\(folder).md")
                    #expect(page.hasPrefix("# ``\(folder)``"), "\(path)")
                }
            }
        }
        #expect(try repository.text(of: "Sources/Wire/Docs.docc/Wire.md").hasPrefix("# ``Wire``"))
    }
}
