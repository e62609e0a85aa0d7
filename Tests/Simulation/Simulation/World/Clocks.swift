import JSON

/// The three clocks of one machine, in terms of the world's time: what counts from its boot, what stands still while it is
/// suspended, and the wall clock, which is set and runs fast or slow.
struct Clocks {
    /// What every wall clock shows that is right when the world begins: 2027-01-15T08:00:00Z.
    static let epoch = Timestamp(nanosecondsSinceEpoch: 1_800_000_000_000_000_000)

    private(set) var bootedAt: Duration
    /// Since the boot.
    private(set) var suspended = Duration.zero
    private var wallError: Duration
    /// By how much the wall clock gains on time, in millionths.
    private var drift: Int
    private var driftsSince: Duration

    init(bootedAt: Duration, wallError: Duration = .zero, drift: Int = 0) {
        self.bootedAt = bootedAt
        self.wallError = wallError
        self.drift = drift
        driftsSince = bootedAt
    }

    /// As right as NTP keeps one; once somebody has set it, it is not.
    var isRight: Bool { drift == 0 && wallError >= .milliseconds(-50) && wallError <= .milliseconds(50) }

    func boot(at now: Duration) -> Duration { now - bootedAt }
    func monotonic(at now: Duration) -> Duration { now - bootedAt - suspended }
    func wall(at now: Duration) -> Timestamp {
        Self.epoch + now + wallError + (now - driftsSince) / 1_000_000 * drift
    }

    /// The world's time when the clock that counts from boot shows `boot`.
    func time(ofBoot boot: Duration) -> Duration { bootedAt + boot }

    /// The wall clock goes on while the machine is off.
    mutating func reboot(at now: Duration) {
        bootedAt = now
        suspended = .zero
    }

    mutating func suspend(for pause: Duration) { suspended += pause }

    /// Somebody sets the wall clock.
    mutating func set(wrongBy error: Duration, drift: Int, at now: Duration) {
        wallError = error
        self.drift = drift
        driftsSince = now
    }
}
