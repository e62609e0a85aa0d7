import Glibc
import TestSupport
import Testing

/// What `Packaging/build-packages` has put into `.build/packages`.
enum Packages {
    static let root = "/" + #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
    static let names = ["spot-agent", "spot-coordinator"]

    static var areThere: Bool {
        let isBuilt = try? names.allSatisfy { try !file($0, "deb").isEmpty && !file($0, "rpm").isEmpty }
        return isBuilt == true
    }
    static let whyNot = "there are no packages: run Packaging/build-packages"

    /// The one package of a program, in a format.
    static func file(_ name: String, _ format: String) throws -> String {
        let pattern = "\(root)/.build/packages/\(name)[-_][0-9]*.\(format)"
        let files = try output("/bin/sh", "-c", "ls \(pattern)").split(separator: "\n")
        guard files.count == 1 else { throw TestSupportError("\(pattern): \(files.count) files") }
        return String(files[0])
    }

    static func output(_ program: String, _ arguments: String...) throws -> String {
        let environment = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"]
        let outcome = try ChildProcess(program, arguments, environment: environment).waitForEnd(within: .seconds(120))
        guard outcome.status == 0 else {
            throw TestSupportError("\(program) \(arguments): \(outcome.end): \(outcome.output)\(outcome.errors)")
        }
        return outcome.output
    }

    static func settings(_ name: String) -> String { name == "spot-agent" ? "agent.env" : "coordinator.env" }

    /// Every file that both formats put on a machine, with its mode; folders of others left out.
    static func files(_ name: String) -> Set<String> {
        var files: Set = [
            "-rwxr-xr-x /usr/bin/\(name)", "-rw-r--r-- /usr/lib/systemd/system/\(name).service",
            "-rw-r--r-- /usr/lib/systemd/system-preset/80-\(name).preset",
            "-rw-r--r-- /usr/lib/systemd/catalog/\(name).catalog", "-rw-r--r-- /usr/share/man/man8/\(name).8.gz",
        ]
        if name == "spot-coordinator" {
            files.formUnion([
                "-rw-r--r-- /usr/lib/systemd/system/spot-coordinator.socket",
                "-rw-r--r-- /usr/lib/sysusers.d/spot-coordinator.conf",
                "-rw-r--r-- /usr/lib/tmpfiles.d/spot-coordinator.conf",
            ])
        }
        return files
    }
}

/// The packages as files: what is in them, and what they need.
@Suite(.enabled(if: Packages.areThere, "\(Packages.whyNot)"))
struct PackageTests {
    @Test(arguments: Packages.names)
    func `a deb holds the program and what belongs to it, all root's, and nothing else`(name: String) throws {
        let listed = try Packages.output("/usr/bin/dpkg-deb", "--contents", Packages.file(name, "deb"))
        let files = listed.split(separator: "\n").map { $0.split(separator: " ") }.filter { !$0[0].hasPrefix("d") }
        let own = [
            "-rw-r--r-- /usr/share/doc/\(name)/changelog.gz", "-rw-r--r-- /usr/share/lintian/overrides/\(name)",
            "-rw-r--r-- /usr/share/\(name)/\(Packages.settings(name))",
        ]
        #expect(Set(files.map { "\($0[0]) \($0[5].dropFirst())" }) == Packages.files(name).union(own))
        #expect(files.allSatisfy { $0[1] == "root/root" })
    }

    @Test func `a deb needs the libraries it is linked with, of no newer version than Debian 12 has`() throws {
        let needed = try Packages.names.map { name in
            let field = try Packages.output("/usr/bin/dpkg-deb", "--field", Packages.file(name, "deb"), "Depends")
            return field.split(separator: ",").map { String($0.drop { $0 == " " }.prefix { !" \n".contains($0) }) }
                .sorted()
        }
        let both = ["libc6", "libcurl4", "libgcc-s1", "libstdc++6", "libsystemd0", "systemd"]
        #expect(needed[0] == (both + ["ca-certificates", "libexpat1"]).sorted())
        #expect(needed[1] == (both + ["libmicrohttpd12", "libsqlite3-0", "libssl3", "passwd"]).sorted())
    }

    @Test(arguments: Packages.names)
    func `lintian finds nothing but what is excepted with a reason`(name: String) throws {
        let said = try Packages.output(
            "/usr/bin/lintian", "--fail-on", "error,warning", Packages.file(name, "deb"))
        #expect(said == "")
    }

    @Test(arguments: Packages.names)
    func `the packed program starts without a word of the loader, and with anybody's libcurl`(name: String) throws {
        try withTemporaryFolder { folder in
            _ = try Packages.output("/usr/bin/dpkg-deb", "--extract", Packages.file(name, "deb"), folder)
            let program = "\(folder)/usr/bin/\(name)"
            let outcome = try ChildProcess(program, ["--version"], environment: ["LD_BIND_NOW": "1"]).waitForEnd()
            #expect(outcome.status == 0 && outcome.errors == "" && outcome.output.hasPrefix("\(name) "))
            let versions = try Packages.output("/usr/bin/readelf", "--version-info", "--wide", program)
            #expect(versions.contains("GLIBC_2.34") && !versions.contains("CURL"))
            #expect(try Packages.output("/usr/bin/readelf", "--dynamic", program).contains("[libcurl.so.4]"))
            #expect(try !Packages.output("/usr/bin/readelf", "--sections", "--wide", program).contains(".symtab"))
        }
    }

    /// What works unoptimized need not work in a release.
    @Test(arguments: Packages.names)
    func `the packed program checks its settings, and names each problem`(name: String) throws {
        try withTemporaryFolder { folder in
            _ = try Packages.output("/usr/bin/dpkg-deb", "--extract", Packages.file(name, "deb"), folder)
            let environment = [
                "PATH": "/usr/bin:/bin", "STATE_DIRECTORY": folder, "SPOT_OPTIMIZER_CLIENT_TOKEN": "a-token-0123456789",
                "SPOT_OPTIMIZER_SERVER_URL": "http://127.0.0.1:5000",
            ]
            let words = ["check-config", "--config", "\(folder)/usr/share/\(name)/\(Packages.settings(name))"]
            for (level, status) in [("debug", 0), ("loud", 78)] {
                let outcome = try ChildProcess(
                    "\(folder)/usr/bin/\(name)", words,
                    environment: environment.merging(["LOG_LEVEL": level]) { $1 }
                ).waitForEnd()
                #expect(outcome.status == status, "\(outcome)")
                #expect(outcome.errors.contains("LOG_LEVEL") == (status == 78))
                #expect(outcome.output.contains("is valid") == (status == 0))
            }
        }
    }

    @Test(arguments: Packages.names)
    func `an rpm puts the same files in the same places as a deb, and the settings in theirs`(name: String) throws {
        try withTemporaryFolder { folder in
            let package = try Packages.file(name, "rpm")
            _ = try Packages.output(
                "/usr/bin/rpm", "--root", folder, "--dbpath", "/db", "--nodeps", "--noscripts", "--nosignature", "-i",
                package)
            let found = try Packages.output(
                "/usr/bin/find", folder, "-path", "\(folder)/db", "-prune", "-o", "-type", "f", "-printf", "%M /%P\n")
            let settings = "/etc/spot-optimizer/\(Packages.settings(name))"
            #expect(
                Set(found.split(separator: "\n").map(String.init))
                    == Packages.files(name).union(["-rw-r----- \(settings)"]))
            let listed = try Packages.output("/usr/bin/rpm", "-qp", "--nosignature", "--configfiles", package)
            #expect(listed == "\(settings)\n")
            #expect(try !Packages.output("/usr/bin/rpm", "-qpi", "--nosignature", package).contains("@"))
        }
    }

    @Test func `an rpm needs libraries by the names that all distributions give them`() throws {
        for name in Packages.names {
            let needed = try Packages.output(
                "/usr/bin/rpm", "-qp", "--nosignature", "--requires", Packages.file(name, "rpm")
            ).split(separator: "\n").map { $0.filter { $0 != " " } }
            #expect(needed.contains("libcurl.so.4()(64bit)") && !needed.contains { $0.contains("CURL") })
            #expect(needed.contains("systemd>=252"))
            #expect(needed.contains("ca-certificates") == (name == "spot-agent"))
            let newer = needed.compactMap {
                $0.firstMatch(of: /GLIBC_2\.(?<minor>\d+)/).flatMap { Int($0.output.minor) }
            }
            #expect(name != "spot-agent" || newer.max() == 34)
        }
    }

    @Test(arguments: Packages.names)
    func `the scripts of both formats are such as sh understands`(name: String) throws {
        try withTemporaryFolder { folder in
            _ = try Packages.output("/usr/bin/dpkg-deb", "--control", Packages.file(name, "deb"), folder)
            let query = "[POSTIN]\n%{POSTIN}\n[PREUN]\n%{PREUN}\n[POSTUN]\n%{POSTUN}\n"
                .replacing("[", with: ": ").replacing("]", with: "")
            let rpm = try Packages.output(
                "/usr/bin/rpm", "-qp", "--nosignature", "--queryformat", query, Packages.file(name, "rpm"))
            #expect(rpm.contains("try-restart") && !rpm.contains("(none)") && !rpm.contains("@"))
            try write(rpm, to: "\(folder)/rpm")
            for script in ["postinst", "prerm", "postrm", "rpm"] {
                _ = try Packages.output("/bin/sh", "-n", "\(folder)/\(script)")
                #expect(try !Packages.output("/bin/cat", "\(folder)/\(script)").contains(/@[a-z]+@/))
            }
        }
    }

    private func write(_ text: String, to path: String) throws {
        _ = try Packages.output("/bin/sh", "-c", #"printf '%s' "$1" >"$2""#, "sh", text, path)
    }
}
