import Testing

/// The example policies of IAM in the README, held to the table of rights.
struct PolicyTests {
    @Test func `the policies allow the rights that the table names, and no other`() throws {
        let text = try Repository().text(of: "README.md")
        let rows = text.split(separator: "\n").filter { $0.hasPrefix("| `") }.joined()
        let named = rows.matches(of: /`(?<right>(?:ec2|elasticloadbalancing|iam|pricing):[A-Za-z]+)`/)
        let policies = text.matches(of: /```json\n(?<policy>[^`]+)```/).map { $0.output.policy }
        #expect(policies.count == 2 && named.count > 20)

        // A key of a condition has a colon after it.
        let quoted = /"(?<right>(?:ec2|elasticloadbalancing|iam|pricing):[A-Za-z]+)"(?!:)/
        let allowed = policies.flatMap { $0.matches(of: quoted).map { String($0.output.right) } }
        #expect(Set(allowed) == Set(named.map { String($0.output.right) }))

        let reading = policies[0].matches(of: quoted).map { $0.output.right.split(separator: ":")[1] }
        #expect(reading.allSatisfy { $0.hasPrefix("Describe") || $0.hasPrefix("Get") })
    }
}
