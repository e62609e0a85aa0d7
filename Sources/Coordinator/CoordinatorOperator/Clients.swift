import JSON
import Platform
import Wire

extension Desk {
    func createClient() throws {
        let name = invocation.arguments[0]
        // Longer ones the coordinator refuses with its own bound; an empty one is a script's unset variable.
        guard !name.isEmpty else { throw OperatorError(.usage, "NAME is empty") }
        let creation = ClientCreation(name: name, email: invocation.options["email"])
        try show(Question(.createClient, body: creation), as: CreatedClient.self) { client in
            sheet([("client", client.id.text), ("name", client.name), ("token", client.token.secret)])
        }
    }

    func listClients() throws {
        try show(Question(.clients), as: [ClientSummary].self) { clients in
            table(
                clients,
                [
                    Column("CLIENT") { $0.id.text },
                    Column("NAME", widest: 40) { $0.name },
                    Column("STATUS") { $0.isActive ? "active" : "inactive" },
                    Column("ONLINE", isNumber: true) { "\($0.agentsOnline)/\($0.agentsTotal)" },
                    Column("INSTANCES", isNumber: true) { "\($0.instances)" },
                    Column("SAVED $", isNumber: true) { $0.totalSavings.text },
                    Column("HEARD") { self.age($0.lastSync) },
                    Column("CREATED") { clockTime($0.createdAt) },
                ], none: "no clients yet: make one with client create NAME")
        }
    }

    func deleteClient() throws {
        let client: ClientID = try argument(0)
        try show(Question(.deleteClient, client), as: Nothing.self) { _ in "client \(client) is deleted\n" }
    }

    func clientToken() throws {
        let client: ClientID = try argument(0)
        let question =
            invocation.has("regenerate")
            ? Question(.regenerateToken, client, body: Nothing()) : Question(.showToken, client)
        // Alone, so that it can be piped into a file.
        try show(question, as: ClientToken.self) { "\($0.token.secret)\n" }
    }
}
