// swift-tools-version: 6.2
import PackageDescription

// Every line below is an import arrow. The table in Sources/README.md says why each one stops where it does;
// `--explicit-target-dependency-import-check error` holds the line in every build of Packaging/test.

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]
// What only the agent has is made small: at a poll a second it costs the pages that it touches, not the instructions.
let small = strict + [.unsafeFlags(["-Osize"], .when(configuration: .release))]
/// Linked with the Swift runtime inside, a program offers all its symbols to libraries that it loads, of which there are none.
let noSymbols: [LinkerSetting] = [
    .unsafeFlags(["-Xlinker", "--no-export-dynamic"], .when(configuration: .release))
]
func library(
    _ name: String, in group: String, uses dependencies: [Target.Dependency] = [], as settings: [SwiftSetting] = strict
) -> Target {
    .target(name: name, dependencies: dependencies, path: "\(group)/\(name)", swiftSettings: settings)
}
func program(
    _ name: String, in group: String, uses dependencies: [Target.Dependency], as settings: [SwiftSetting] = strict,
    readsInPlace: [String] = [], linking: [LinkerSetting] = []
) -> Target {
    .executableTarget(
        name: name, dependencies: dependencies, path: "\(group)/\(name)", exclude: readsInPlace,
        swiftSettings: settings, linkerSettings: linking)
}
func tests(
    _ name: String, in group: String, uses dependencies: [Target.Dependency], copies: [String] = [],
    readsInPlace: [String] = []
) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, path: "\(group)/\(name)", exclude: readsInPlace,
        resources: copies.map { .copy($0) }, swiftSettings: strict)
}
func clibrary(_ name: String, pkgConfig: String? = nil, apt: String? = nil) -> Target {
    .systemLibrary(
        name: name, path: "Sources/System/\(name)", pkgConfig: pkgConfig, providers: apt.map { [.apt([$0])] })
}

let package = Package(
    name: "spot",
    products: [
        .executable(name: "spot-agent", targets: ["AgentMain"]),
        .executable(name: "spot-coordinator", targets: ["CoordinatorMain"]),
        .executable(name: "spot-sandbox", targets: ["SandboxMain"]),
        .executable(name: "simulate", targets: ["Simulate"]),
    ],
    targets: [
        // MARK: C libraries: module map and shim, nothing else
        clibrary("CCrypto", pkgConfig: "libcrypto", apt: "libssl-dev"),
        clibrary("CCurl", pkgConfig: "libcurl", apt: "libcurl4-openssl-dev"),
        clibrary("CExpat", pkgConfig: "expat", apt: "libexpat1-dev"),
        clibrary("CLinux"),
        clibrary("CMicroHTTPD", pkgConfig: "libmicrohttpd", apt: "libmicrohttpd-dev"),
        clibrary("CSQLite", pkgConfig: "sqlite3", apt: "libsqlite3-dev"),
        clibrary("CSystemd", pkgConfig: "libsystemd", apt: "libsystemd-dev"),

        // MARK: System: knows nothing of our domain
        library("JSON", in: "Sources/System"),
        library("Platform", in: "Sources/System", uses: ["CLinux", "JSON"]),
        library("Crypto", in: "Sources/System", uses: ["CCrypto", "Platform"]),
        library("HTTPClient", in: "Sources/System", uses: ["CCurl", "Platform"], as: small),
        library("HTTPServer", in: "Sources/System", uses: ["CMicroHTTPD", "Platform"]),
        library("SQLite", in: "Sources/System", uses: ["CSQLite", "Platform"]),
        library("Systemd", in: "Sources/System", uses: ["CSystemd", "Platform"], as: small),
        library("XML", in: "Sources/System", uses: ["CExpat", "Platform"], as: small),

        // MARK: Wire: what both programs understand
        library("Wire", in: "Sources", uses: ["JSON"]),

        // MARK: Agent
        library("AgentCore", in: "Sources/Agent", uses: ["JSON", "Wire"], as: small),
        library(
            "AgentHost", in: "Sources/Agent",
            uses: ["AgentCore", "HTTPClient", "JSON", "Platform", "Systemd", "Wire", "XML"], as: small),
        program(
            "AgentMain", in: "Sources/Agent",
            uses: ["AgentCore", "AgentHost", "HTTPClient", "JSON", "Platform", "Systemd", "Wire"], as: small,
            linking: noSymbols),

        // MARK: Coordinator
        library("CoordinatorCore", in: "Sources/Coordinator", uses: ["JSON", "Wire"]),
        library(
            "CoordinatorStore", in: "Sources/Coordinator",
            uses: ["CoordinatorCore", "JSON", "Platform", "SQLite", "Wire"]),
        library(
            "CoordinatorHeart", in: "Sources/Coordinator",
            uses: ["CoordinatorCore", "CoordinatorStore", "JSON", "Platform", "Wire"]),
        library("CoordinatorJobs", in: "Sources/Coordinator", uses: ["CoordinatorHeart", "Platform"]),
        library(
            "CoordinatorAPI", in: "Sources/Coordinator",
            uses: ["CoordinatorHeart", "Crypto", "HTTPServer", "JSON", "Platform", "Wire"]),
        library(
            "CoordinatorOperator", in: "Sources/Coordinator",
            uses: ["HTTPClient", "JSON", "Platform", "Systemd", "Wire"]),
        program(
            "CoordinatorMain", in: "Sources/Coordinator",
            uses: [
                "CoordinatorAPI", "CoordinatorCore", "CoordinatorHeart", "CoordinatorJobs", "CoordinatorOperator",
                "CoordinatorStore", "Crypto", "HTTPServer", "JSON", "Platform", "Systemd", "Wire",
            ], linking: noSymbols),

        // MARK: Sandbox: a pretend world, which knows nothing of the two programs
        library("SandboxCore", in: "Sources/Sandbox", uses: ["JSON", "XML"]),
        program(
            "SandboxMain", in: "Sources/Sandbox",
            uses: ["Crypto", "HTTPClient", "HTTPServer", "JSON", "Platform", "SandboxCore", "Systemd"]),

        // MARK: Tests
        library("TestSupport", in: "Tests/Support", uses: ["CLinux", "JSON", "Platform"]),
        library("BenchmarkSupport", in: "Tests/Support", uses: ["Platform", "TestSupport"]),
        library("DroppingVFS", in: "Tests/Support", uses: ["CSQLite", "SQLite", "Platform"]),
        library("OldAgents", in: "Tests/Support", uses: ["JSON"]),
        library("PretendCloud", in: "Tests/Support", uses: ["AgentCore", "JSON", "Wire"]),
        library("PretendHost", in: "Tests/Support", uses: ["AgentCore"]),
        library("PretendMetadata", in: "Tests/Support", uses: ["HTTPServer", "Platform", "TestSupport"]),
        tests(
            "AgentHostTests", in: "Tests/Agent",
            uses: [
                "ActingScenarios", "AgentCore", "AgentHost", "HTTPServer", "JSON", "Platform", "PretendMetadata",
                "Systemd",
                "TestSupport", "Wire",
            ]),
        tests("AgentCoreTests", in: "Tests/Agent", uses: ["AgentCore", "JSON", "PretendCloud", "PretendHost", "Wire"]),
        tests(
            "AgentCloudTests", in: "Tests/Agent",
            uses: [
                "AgentCore", "AgentHost", "AgentMain", "HTTPServer", "JSON", "Platform", "PretendMetadata",
                "TestSupport", "Wire",
            ]),
        tests(
            "CoordinatorAPITests", in: "Tests/Coordinator",
            uses: [
                "CoordinatorAPI", "CoordinatorHeart", "Crypto", "HTTPServer", "JSON", "OldAgents", "Platform",
                "TestSupport", "Wire",
            ]),
        tests(
            "CoordinatorCoreTests", in: "Tests/Coordinator", uses: ["CoordinatorCore", "JSON", "TestSupport", "Wire"]),
        tests(
            "CoordinatorHeartTests", in: "Tests/Coordinator",
            uses: [
                "CoordinatorCore", "CoordinatorHeart", "CoordinatorStore", "JSON", "Platform", "SQLite", "TestSupport",
                "Wire",
            ]),
        tests(
            "CoordinatorJobsTests", in: "Tests/Coordinator",
            uses: ["CoordinatorCore", "CoordinatorHeart", "CoordinatorJobs", "JSON", "Platform", "TestSupport", "Wire"]),
        tests(
            "CoordinatorOperatorTests", in: "Tests/Coordinator",
            uses: ["CoordinatorOperator", "HTTPServer", "JSON", "Platform", "TestSupport", "Wire"]),
        tests(
            "CoordinatorStoreTests", in: "Tests/Coordinator",
            uses: [
                "CoordinatorCore", "CoordinatorStore", "DroppingVFS", "JSON", "Platform", "SQLite", "TestSupport",
                "Wire",
            ], readsInPlace: ["Fixtures"]),
        tests("CryptoTests", in: "Tests/System", uses: ["Crypto", "TestSupport"]),
        tests("HouseTests", in: "Tests", uses: ["CLinux", "TestSupport"]),
        tests(
            "HTTPClientTests", in: "Tests/System",
            uses: ["CLinux", "HTTPClient", "Platform", "Systemd", "TestSupport"]),
        tests("HTTPServerTests", in: "Tests/System", uses: ["HTTPServer", "Platform", "TestSupport"]),
        tests("JSONTests", in: "Tests/System", uses: ["JSON", "TestSupport"], readsInPlace: ["Corpus"]),
        tests("PlatformTests", in: "Tests/System", uses: ["CLinux", "JSON", "Platform", "TestSupport"]),
        tests(
            "ProgramTests", in: "Tests/Programs",
            uses: [
                "AgentCore", "AgentHost", "AgentMain", "CoordinatorMain", "Crypto", "JSON", "Platform",
                "PretendMetadata",
                "SQLite", "TestSupport", "Wire", "XML",
            ]),
        tests("OldAgentsTests", in: "Tests/Support", uses: ["OldAgents"]),
        tests("SandboxCoreTests", in: "Tests/Sandbox", uses: ["JSON", "SandboxCore", "TestSupport", "XML"]),
        tests("SandboxTests", in: "Tests/Sandbox", uses: ["CLinux", "JSON", "Platform", "SandboxMain", "TestSupport"]),
        tests("SQLiteTests", in: "Tests/System", uses: ["DroppingVFS", "Platform", "SQLite", "TestSupport"]),
        tests(
            "SystemdTests", in: "Tests/System",
            uses: ["CLinux", "Platform", "Systemd", "SystemdScenarios", "TestSupport"]),
        tests("WireTests", in: "Tests", uses: ["JSON", "TestSupport", "Wire"], readsInPlace: ["Golden"]),
        tests("XMLTests", in: "Tests/System", uses: ["TestSupport", "XML"]),
        library(
            "Simulation", in: "Tests/Simulation",
            uses: [
                "AgentCore", "AgentHost", "CoordinatorAPI", "CoordinatorCore", "CoordinatorHeart", "CoordinatorJobs",
                "CoordinatorStore", "Crypto", "DroppingVFS", "HTTPServer", "JSON", "OldAgents", "Platform",
                "PretendCloud", "PretendHost", "Wire",
            ]),
        program("Simulate", in: "Tests/Simulation", uses: ["Platform", "Simulation"]),
        tests("SimulationTests", in: "Tests/Simulation", uses: ["CoordinatorHeart", "Simulation", "TestSupport"]),
        program(
            "ActingScenarios", in: "Tests/Programs", uses: ["AgentCore", "AgentHost", "Platform", "Systemd", "Wire"]),
        program("SystemdScenarios", in: "Tests/Programs", uses: ["Platform", "PretendMetadata", "Systemd"]),
        program(
            "FailoverScenarios", in: "Tests/Programs",
            uses: [
                "CLinux", "HTTPClient", "HTTPServer", "JSON", "Platform", "SQLite", "Systemd", "TestSupport", "Wire",
            ], readsInPlace: ["box.sh"]),
        program(
            "AgentBenchmark", in: "Tests/Benchmarks",
            uses: [
                "AgentCore", "AgentHost", "BenchmarkSupport", "CCurl", "CLinux", "JSON", "Platform", "PretendMetadata",
                "Systemd", "TestSupport", "Wire",
            ], readsInPlace: ["original.py"]),
        program(
            "CoordinatorBenchmark", in: "Tests/Benchmarks",
            uses: ["AgentCore", "BenchmarkSupport", "CLinux", "JSON", "Platform", "TestSupport", "Wire"]),
        program("HTTPServerBenchmark", in: "Tests/Benchmarks", uses: ["HTTPServer", "Platform"]),
        program("JSONBenchmark", in: "Tests/Benchmarks", uses: ["JSON", "Platform"]),
        program(
            "StoreBenchmark", in: "Tests/Benchmarks",
            uses: ["CoordinatorCore", "CoordinatorStore", "JSON", "Platform", "Wire"]),
    ]
)

// The fuzz targets have libFuzzer's main, which is only there when built for fuzzing: see Packaging/fuzz.
if Context.environment["SPOT_FUZZ"] != nil {
    package.targets += [
        program("FuzzConfiguration", in: "Tests/Fuzz", uses: ["Platform"]),
        program("FuzzJSON", in: "Tests/Fuzz", uses: ["JSON"]),
        program("FuzzRequestBodies", in: "Tests/Fuzz", uses: ["JSON", "Wire"]),
        program("FuzzXML", in: "Tests/Fuzz", uses: ["XML"]),
    ]
}
