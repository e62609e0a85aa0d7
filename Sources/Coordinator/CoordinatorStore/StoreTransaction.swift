import CoordinatorCore
package import JSON
import SQLite
package import Wire

/// One transaction of the writer, lent to the closure that it was opened for. What happens in it is acknowledged together,
/// when `Store.write` returns, or not at all.
package struct StoreTransaction: ~Copyable {
    let transaction: Transaction

    /// Runs `body` so that, if it throws, only its own changes are undone: one event of a batch. After a failure of the
    /// database that ended the whole transaction (a full disk) everything that follows in it fails, too.
    package borrowing func savepoint<Value>(_ body: () throws -> Value) throws -> Value {
        do { return try transaction.savepoint(body) } catch let error as SQLiteError {
            throw StoreError(error, while: "undo one event of a batch")
        }
    }

    /// Runs SQL; `doing` opens the sentence of its failure.
    borrowing func attempt<Value>(
        _ doing: @autoclosure () -> String, _ body: (borrowing Transaction) throws -> Value
    ) throws(StoreError) -> Value {
        do { return try body(transaction) } catch { throw StoreError(error, while: doing()) }
    }

    // MARK: The mark of a clean stop

    /// Marks the file as in use. Returns whether it was already: then the last stop was none, or the file was not found sound,
    /// and it deserves a look.
    package borrowing func markOpen() throws(StoreError) -> Bool {
        try attempt("mark the database as open") { transaction in
            let wasOpen = try transaction.first("SELECT is_open FROM installation") { try $0.value(0, as: Bool.self) }
            if wasOpen != true { try transaction.execute("UPDATE installation SET is_open = 1") }
            return wasOpen ?? false
        }
    }

    /// Changes nothing, and makes the commit write to the disk all the same, which one of unchanged rows would not.
    package borrowing func touch() throws(StoreError) {
        try attempt("try to write") { transaction in
            for _ in 1...2 { try transaction.execute("UPDATE installation SET is_open = 1 - is_open") }
        }
    }

    /// The last thing that a coordinator does which stops by itself and knows of no damage.
    package borrowing func markClosed() throws(StoreError) {
        try attempt("mark the database as closed") { transaction in
            _ = try transaction.execute("UPDATE installation SET is_open = 0")
        }
    }
}

/// What a turn names beside what is open in its slot anyway, so that it is loaded, too.
package struct Focus: Sendable {
    package var instance: InstanceID?
    /// Further machines that the input names (a target, a launched or inspected one), whatever became of them.
    package var otherInstances: [InstanceID] = []
    package var command: CommandID?
    package var replica: ReplicaID?
    package var incident: IncidentID?
    package var now: Timestamp

    package init(
        now: Timestamp, instance: InstanceID? = nil, command: CommandID? = nil, replica: ReplicaID? = nil,
        incident: IncidentID? = nil
    ) {
        self.now = now
        self.instance = instance
        self.command = command
        self.replica = replica
        self.incident = incident
    }
}
