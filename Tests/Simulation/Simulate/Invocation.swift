import Platform
import Simulation

/// What was asked for on the command line.
struct Invocation {
    enum Task {
        case one(UInt64)
        case range(ClosedRange<UInt64>)
        case minutes(Int64)
        case mutations
        case help
    }

    static let help = """
        Runs whole fleets in virtual time, with everything going wrong that may, and looks whether a promise is broken.
        Whatever happens in one follows from its seed.

        simulate [--minutes N]   fresh seeds, for so long (1)
        simulate --seeds A..B    these
        simulate --seed N        one; with --story all that happens in it, in plain words
        simulate --mutations     whether each deliberate mistake is found

          --slots N              workloads in each world (2)
          --seconds N            how long things go wrong, in virtual time (400); then all has to come to rest
          --mutation NAME        makes that mistake on purpose
          --threads N            worlds at a time (2)

        The first line names the seeds, the last is a digest: the same seeds have the same one. Ends with 1 when a promise
        was broken, and tells which, what had happened, and how to see it again.
        """

    private(set) var task = Task.minutes(1)
    private(set) var settings = RunSettings()
    private(set) var tellsStory = false
    private(set) var threads = 2

    init(_ arguments: some Sequence<String>) throws {
        var rest = Array(arguments)
        while !rest.isEmpty {
            let option = rest.removeFirst()
            switch option {
            case "--seed": task = .one(try Self.number(option, &rest))
            case "--seeds": task = .range(try Self.range(option, &rest))
            case "--minutes": task = .minutes(try Self.number(option, &rest, in: 1...1_440))
            case "--mutations": task = .mutations
            case "--help": task = .help
            case "--slots": settings.slots = try Self.number(option, &rest, in: 1...100)
            case "--threads": threads = try Self.number(option, &rest, in: 1...Wreck.threadsMax)
            case "--seconds": settings.chaos = .seconds(try Self.number(option, &rest, in: 1...86_400) as Int64)
            case "--story": tellsStory = true
            case "--mutation": settings.mutation = try Self.mutation(option, &rest)
            default:
                throw UsageError("\(option): not an option; simulate --help tells what there is")
            }
        }
    }

    /// What a run needs beside its seed to be the same again.
    var repeating: String {
        (settings.slots == RunSettings().slots ? "" : " --slots \(settings.slots)")
            + (settings.chaos == RunSettings().chaos ? "" : " --seconds \(settings.chaos.components.seconds)")
            + (settings.mutation.map { " --mutation \($0.rawValue)" } ?? "")
    }

    private static func value(_ option: String, _ rest: inout [String]) throws -> String {
        guard !rest.isEmpty else { throw UsageError("\(option): a value is missing") }
        return rest.removeFirst()
    }

    /// More than the bounds of each would not end within a day.
    private static func number<Number: FixedWidthInteger>(
        _ option: String, _ rest: inout [String], in bounds: ClosedRange<Number> = 0...Number.max
    ) throws -> Number {
        let text = try value(option, &rest)
        let range = bounds.upperBound == Number.max ? "" : " from \(bounds.lowerBound) to \(bounds.upperBound)"
        guard let number = Number(text), bounds.contains(number) else {
            throw UsageError("\(option): expected a whole number\(range), found \(text)")
        }
        return number
    }

    /// `A..B`, both included.
    private static func range(_ option: String, _ rest: inout [String]) throws -> ClosedRange<UInt64> {
        let text = try value(option, &rest)
        let ends = text.split(separator: ".").compactMap { UInt64($0) }
        guard ends.count == 2, ends[0] <= ends[1] else { throw UsageError("\(option): expected A..B, found \(text)") }
        return ends[0]...ends[1]
    }

    private static func mutation(_ option: String, _ rest: inout [String]) throws -> Mutation {
        let text = try value(option, &rest)
        guard let mutation = Mutation(rawValue: text) else {
            let names = Mutation.allCases.map(\.rawValue).joined(separator: ", ")
            throw UsageError("\(option): expected one of \(names), found \(text)")
        }
        return mutation
    }
}

struct UsageError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
