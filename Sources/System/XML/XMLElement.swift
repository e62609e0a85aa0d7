/// One element of a parsed document, with all that is in it.
///
/// Names are local names: a prefix and its colon are dropped, and namespace declarations with them, as the answers this
/// reads use one namespace each.
package struct XMLElement: Equatable, Sendable {
    package struct Attribute: Equatable, Sendable {
        package let name: String
        package let value: String
    }

    package let name: String
    package let attributes: [Attribute]
    /// The character data directly inside it, joined. White space alone between child elements counts as none.
    package let text: String
    package let children: [XMLElement]

    /// The first child of that name.
    package subscript(name: String) -> XMLElement? { children.first { $0.name == name } }

    /// The first element at the end of a path of names, taking the first child of each.
    package func first(_ path: String...) -> XMLElement? {
        var element = self
        for name in path {
            guard let child = element[name] else { return nil }
            element = child
        }
        return element
    }

    package func children(named name: String) -> [XMLElement] { children.filter { $0.name == name } }

    package func attribute(_ name: String) -> String? { attributes.first { $0.name == name }?.value }
}
