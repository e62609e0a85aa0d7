import Testing

/// Plain facts about the two release programs, as `Packaging/test` has just built them.
@Suite(.enabled(if: Programs.wereBuilt, "the release programs are not built in this tier"))
struct ReleaseProgramTests {
    @Test(arguments: Programs.names)
    func `no Foundation is linked, neither as a library nor in it`(program: String) throws {
        #expect(try Programs.neededLibraries(of: program).filter { $0.contains("Foundation") } == [])
        let symbols = try Programs.symbols(of: program)
        #expect(symbols.contains("main"))
        #expect(!symbols.contains("$s10Foundation"))
        #expect(!symbols.contains("$s20FoundationEssentials"))
    }

    @Test(arguments: Programs.names)
    func `it runs where the C library is 2.34`(program: String) throws {
        let versions = try Programs.neededSymbolVersions(of: program)
        #expect(!versions.isEmpty)
        for version in versions { #expect(version.major == 2 && version.minor <= 34, "GLIBC_2.\(version.minor)") }
    }

    @Test func `the agent does without the engine for regular expressions, a tenth of what it would be`() throws {
        #expect(try !Programs.symbols(of: "spot-agent").contains("17_StringProcessing"))
    }

    @Test func `the agent stays light: no database, no server, no Swift runtime to install`() throws {
        let libraries = try Programs.neededLibraries(of: "spot-agent")
        #expect(libraries.contains { $0.hasPrefix("libc.so") })
        for unwanted in ["libsqlite3", "libmicrohttpd", "libswift"] {
            #expect(libraries.filter { $0.hasPrefix(unwanted) } == [], "\(unwanted)")
        }
    }
}
