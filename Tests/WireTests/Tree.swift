import JSON

/// A JSON text taken apart, so that a test can change one place of it.
indirect enum Tree: Equatable, Sendable, JSONReadable, JSONWritable {
    case object([Member])
    case array([Tree])
    /// Anything else, as it was written.
    case scalar([UInt8])

    struct Member: Equatable, Sendable {
        var key: String
        var value: Tree
    }

    static func text(_ text: String) -> Tree { .scalar(encodeJSON(text)) }
    static func number(_ number: Int) -> Tree { .scalar(encodeJSON(number)) }
    static var null: Tree { .scalar(Array("null".utf8)) }

    init(from value: JSONValue) throws(JSONError) {
        switch value.kind {
        case .object:
            var members: [Member] = []
            for (key, child) in try value.object() { members.append(Member(key: key, value: try Tree(from: child))) }
            self = .object(members)
        case .array:
            self = .array(try value.array().map { element throws(JSONError) in try Tree(from: element) })
        default: self = .scalar(value.verbatim)
        }
    }

    func write(to writer: inout JSONWriter) {
        switch self {
        case .object(let members):
            writer.object { fields in for member in members { fields.field(member.key, member.value) } }
        case .array(let elements): writer.array { array in for element in elements { array.element(element) } }
        case .scalar(let bytes): writer.raw(bytes)
        }
    }

    /// Every place below this one.
    var places: [Place] {
        switch self {
        case .object(let members):
            members.flatMap { member in
                let here = Place(steps: [.key(member.key)])
                return [here] + member.value.places.map { Place(steps: here.steps + $0.steps) }
            }
        case .array(let elements):
            elements.enumerated().flatMap { index, element in
                let here = Place(steps: [.index(index)])
                return [here] + element.places.map { Place(steps: here.steps + $0.steps) }
            }
        case .scalar: []
        }
    }

    /// What stands at a place; nil where there is nothing. Setting nil takes a member or element out.
    subscript(_ place: Place) -> Tree? {
        get {
            guard let step = place.steps.first else { return self }
            let rest = Place(steps: Array(place.steps.dropFirst()))
            switch (self, step) {
            case (.object(let members), .key(let key)): return members.first { $0.key == key }?.value[rest]
            case (.array(let elements), .index(let index)):
                return elements.indices.contains(index) ? elements[index][rest] : nil
            default: return nil
            }
        }
        set {
            guard let step = place.steps.first else {
                if let newValue { self = newValue }
                return
            }
            let rest = Place(steps: Array(place.steps.dropFirst()))
            switch (self, step) {
            case (.object(var members), .key(let key)):
                if let index = members.firstIndex(where: { $0.key == key }) {
                    if rest.steps.isEmpty, newValue == nil {
                        members.remove(at: index)
                    } else {
                        members[index].value[rest] = newValue
                    }
                } else if let newValue, rest.steps.isEmpty {
                    members.append(Member(key: key, value: newValue))
                }
                self = .object(members)
            case (.array(var elements), .index(let index)) where elements.indices.contains(index):
                if rest.steps.isEmpty, newValue == nil {
                    elements.remove(at: index)
                } else {
                    elements[index][rest] = newValue
                }
                self = .array(elements)
            default: break
            }
        }
    }
}

/// A place in a text, spelt as errors spell it: `pricing.spot_pools[3].price`.
struct Place: Equatable, CustomStringConvertible {
    enum Step: Equatable {
        case key(String)
        case index(Int)
    }
    var steps: [Step]

    init(steps: [Step]) { self.steps = steps }

    init(_ path: String) {
        steps = path.split(separator: ".").flatMap { part -> [Step] in
            let pieces = part.split(separator: "[")
            return [.key(String(pieces[0]))] + pieces.dropFirst().compactMap { Int($0.dropLast()) }.map { .index($0) }
        }
    }

    var isElement: Bool { if case .index = steps.last { true } else { false } }

    var description: String {
        steps.reduce(into: "") { path, step in
            switch step {
            case .key(let key): path += path.isEmpty ? key : "." + key
            case .index(let index): path += "[\(index)]"
            }
        }
    }
}
