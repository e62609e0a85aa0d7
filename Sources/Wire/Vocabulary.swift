// Words that several exchanges share. A word that the reader does not know is refused where it decides something;
// see `WireWord`.

/// What an instance is in its slot (ARCHITECTURE §5).
package enum Role: String, WireWord {
    /// Asked of EC2, not heard from yet.
    case launching
    /// In stand-by for the primary.
    case replica
    /// Chosen as the next primary, not yet proven to serve.
    case promoting
    /// Serves the workload. At most one per slot.
    case primary
    /// Was primary; runs until somebody terminates it, and stays a zombie whatever it says.
    case zombie
    /// Its termination was asked of EC2.
    case terminating
    /// Gone.
    case terminated
}

/// How an instance is paid for.
package enum Mode: String, WireWord {
    case spot
    case ondemand
}

/// How a slot's workload moves from one host to the next.
package enum HandOver: String, WireWord {
    /// The new host serves before the old one stops: two may serve for a moment.
    case overlap
    /// The old host is seen stopped before the new one starts: never two.
    case exclusive
}

/// What set a switch off.
package enum Trigger: String, WireWord {
    /// A person asked for it.
    case manual
    /// A price decision asked for it.
    case model
    /// An interruption forced it.
    case emergency
}

/// Where an instance is in the life that EC2 gives it.
package enum InstanceState: String, WireWord {
    case pending
    case running
    case stopping
    case stopped
    case shuttingDown = "shutting-down"
    case terminated
    /// EC2 does not know the instance: long gone, or just launched and not yet seen everywhere.
    case notFound = "not-found"
}
