import JSON
import Wire

/// Makes an image of this machine, once for a command, and waits until machines can be started from it.
struct Imaging: Errand {
    /// An image of a big volume takes this long; one that takes longer is not waited for.
    static let availableWithin = Duration.seconds(600)
    static let pause = Duration.seconds(15)
    /// Asked so often when nobody can say whether it was made. Its name keeps EC2 from making two.
    static let triesMax = 3
    static let unknownFor = Duration.seconds(60)

    private enum Stage: Sendable {
        case naming(String)
        case looking(String)
        case making(String)
        case made(ResourceID)
        case watching(ResourceID, since: Duration)
        case tagging(ResourceID)
    }

    let command: CommandID
    /// What there is of it, also when it failed: whoever does not need it removes it.
    private(set) var image: CloudAnswer.Image?
    private(set) var createdAt: Timestamp?
    private var stage = Stage.naming("")
    private var tries = 0

    init(_ command: CommandID) { self.command = command }

    mutating func go(on event: ErrandEvent, _ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        if case .began(let progress) = event { return resume(progress, standing, &turn) }
        switch stage {
        case .naming(let name): return look(for: name)
        case .looking(let name): return takeLook(for: name, event, standing)
        case .making(let name): return takeMade(name, event, &turn)
        case .made(let id): return watch(id, since: turn.now)
        case .watching(let id, let since):
            guard case .answered(let answer) = event else { return watch(id, since: since) }
            return takeWatch(of: id, since: since, answer, standing, &turn)
        case .tagging(let id):
            if case .answered(.failure(let fault)) = event { turn.tell(.step(command, "\(fault)")) }
            return .done("image \(id) is available")
        }
    }

    private mutating func resume(_ progress: [Progress], _ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        var name: String?
        for step in progress {
            switch step {
            case .imageCreated(let id):
                image = CloudAnswer.Image(id: id, state: .pending, createdAt: nil)
                return watch(id, since: turn.now)
            case .imageNamed(let known): name = known
            case .launchPrepared, .launched, .launchFailed, .switched, .stepped: break
            }
        }
        if let name { return look(for: name) }
        let new = "SpotOptimizer-\(standing.facts.instance)-\(command)"
        stage = .naming(new)
        return .remember(.imageNamed(new))
    }

    private mutating func look(for name: String) -> ErrandStep {
        stage = .looking(name)
        return .call(.findImages(tag: .of(command)), within: .seconds(60))
    }

    private mutating func takeLook(for name: String, _ event: ErrandEvent, _ standing: Standing) -> ErrandStep {
        switch event {
        case .answered(.success(.images(let found))):
            if let made = found.first { return note(made) }
            guard tries < Self.triesMax else { return .failed("EC2 does not say whether it makes the image \(name)") }
            tries += 1
            stage = .making(name)
            var tags = CloudRequest.Tag.ours(standing, for: command)
            tags.append(CloudRequest.Tag("Name", name))
            tags.append(CloudRequest.Tag("SourceInstance", standing.facts.instance.text))
            return .call(.createImage(of: standing.facts.instance, name: name, tags: tags), within: .seconds(30))
        case .answered(.success(let other)): return .failed("look for the image \(name): \(CloudFault.mismatch(other))")
        case .answered(.failure(let fault)): return .failed("look for the image \(name): \(fault)")
        case .began, .rested, .remembered, .reported, .acted, .joined: return look(for: name)
        }
    }

    private mutating func takeMade(_ name: String, _ event: ErrandEvent, _ turn: inout Turn) -> ErrandStep {
        switch event {
        case .answered(.success(.imageCreated(let id))):
            createdAt = turn.wall
            return note(CloudAnswer.Image(id: id, state: .pending, createdAt: nil))
        case .answered(.success(let other)): return .failed("make the image \(name): \(CloudFault.mismatch(other))")
        // Made before, and shown late.
        case .answered(.failure(let fault)) where fault.isPassing || fault.code == "InvalidAMIName.Duplicate":
            return .rest(Self.pause)
        case .answered(.failure(let fault)): return .failed("make the image \(name): \(fault)")
        case .began, .rested, .remembered, .reported, .acted, .joined: return look(for: name)
        }
    }

    private mutating func note(_ made: CloudAnswer.Image) -> ErrandStep {
        image = made
        stage = .made(made.id)
        return .remember(.imageCreated(made.id))
    }

    private mutating func watch(_ id: ResourceID, since: Duration) -> ErrandStep {
        stage = .watching(id, since: since)
        return .call(.image(id), within: .seconds(60))
    }

    private mutating func takeWatch(
        of id: ResourceID, since: Duration, _ answer: Result<CloudAnswer, CloudFault>, _ standing: Standing,
        _ turn: inout Turn
    ) -> ErrandStep {
        switch answer {
        case .success(.images(let found)):
            let known = found.first { $0.id == id }
            image = known ?? image
            switch known?.state {
            case .available: return tagSnapshots(of: id, standing)
            case .failed(let reason): return .failed("image \(id) failed: \(reason)")
            case .pending where turn.now - since < Self.availableWithin: return .rest(Self.pause)
            case nil where turn.now - since < Self.unknownFor: return .rest(Self.pause)
            case .pending:
                return .failed("image \(id) is not available after \(Self.availableWithin.components.seconds) s")
            case nil: return .failed("EC2 does not know image \(id)")
            }
        case .success(let other): return .failed("look at image \(id): \(CloudFault.mismatch(other))")
        case .failure(let fault) where fault.kind == .notFound && turn.now - since < Self.unknownFor:
            return .rest(Self.pause)
        case .failure(let fault): return .failed("look at image \(id): \(fault)")
        }
    }

    /// Once an image is deregistered, nothing else leads to its snapshots. Without tags they are as good for the switch.
    private mutating func tagSnapshots(of id: ResourceID, _ standing: Standing) -> ErrandStep {
        guard let snapshots = image?.snapshots, !snapshots.isEmpty else { return .done("image \(id) is available") }
        stage = .tagging(id)
        return .call(.tag(snapshots, CloudRequest.Tag.ours(standing, for: command)), within: .seconds(15))
    }
}
