import TestSupport
import Testing

@Suite(.serialized, .enabled(if: SystemdBox.isPossible, "\(SystemdBox.whyNot)"))
struct `Under a real systemd` {
    private func expectToPass(_ script: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let (status, output) = try runScenario(script)
        #expect(status == 0, "\(output)", sourceLocation: sourceLocation)
    }

    @Test func `a notify service is active when ready, reloads, and gets the time to stop that it asks for`() throws {
        try expectToPass(
            """
            unit s.service <<U
            [Service]
            Type=notify
            ExecStart=/box/SystemdScenarios serve
            ExecReload=/bin/kill -HUP \\$MAINPID
            TimeoutStopSec=350ms
            U
            systemctl daemon-reload
            systemctl start s
            [ "$(systemctl show -P ActiveState s)" = active ]
            [ "$(systemctl show -P StatusText s)" = 'serving WATCHDOG=trigger' ]
            systemctl reload s
            until_ '[ "$(systemctl show -P StatusText s)" = reloaded ]'
            systemctl stop s
            [ "$(systemctl show -P Result s)" = success ]
            """)
    }

    @Test func `the watchdog is fed while the machinery moves, and kills when it does not`() throws {
        try expectToPass(
            """
            unit s.service <<U
            [Service]
            Type=notify
            ExecStart=/box/SystemdScenarios serve
            WatchdogSec=300ms
            U
            systemctl daemon-reload
            systemctl start s
            fed() { systemctl show -P WatchdogTimestampMonotonic s; }
            begin=$(fed)
            until_ '[ $(fed) -gt $((begin + 900000)) ]'
            [ "$(systemctl show -P ActiveState s)" = active ]
            touch /run/stuck
            until_ '[ "$(systemctl show -P Result s)" = watchdog ]'
            """)
    }

    @Test func `sockets of a socket unit arrive under their name`() throws {
        try expectToPass(
            """
            unit l.socket <<U
            [Socket]
            ListenStream=127.0.0.1:8080
            ListenStream=/run/l.sock
            FileDescriptorName=web
            U
            printf '[Service]\\nType=oneshot\\nExecStart=/box/SystemdScenarios listen\\nStandardOutput=file:/run/listened\\n' | unit l.service
            systemctl daemon-reload
            systemctl start l.socket
            systemctl start l.service
            [ "$(cat /run/listened)" = 'web 2' ]
            """)
    }

    @Test(arguments: ["units", "refusals", "hook", "runs", "rearm", "frozen", "forged", "machine"])
    func `the bus`(scenario: String) throws {
        try expectToPass("/box/SystemdScenarios \(scenario)")
    }

    @Test func `what a unit comes after is read, wherever it was written`() throws {
        try expectToPass(
            """
            printf '[Unit]\\nAfter=sleeper.service\\n[Service]\\nExecStart=/bin/true\\n' | unit ordered.service
            mkdir -p /etc/systemd/system/ordered.service.d
            printf '[Unit]\\nAfter=slow.service\\n' | unit ordered.service.d/more.conf
            systemctl daemon-reload
            /box/SystemdScenarios order
            """)
    }

    @Test func `a lost bus or manager ends all that is under way, once, and the owner connects again`() throws {
        // The box itself hangs on its bus, so the connection that dies is one through a proxy.
        try expectToPass(
            """
            printf '[Socket]\\nListenStream=/run/proxy.sock\\n' | unit proxy.socket
            printf '[Service]\\nExecStart=/lib/systemd/systemd-socket-proxyd /run/dbus/system_bus_socket\\n' | unit proxy.service
            systemctl daemon-reload
            systemctl start proxy.socket
            /box/SystemdScenarios lost
            """)
    }

    @Test func `a bus without a service manager is unavailable`() throws {
        try expectToPass(
            """
            dbus-daemon --session --fork --address=unix:path=/run/strange.sock
            /box/SystemdScenarios strange
            """)
    }

    @Test func `a fence fires at its time though who armed it was killed and all units were read again`() throws {
        try expectToPass(
            """
            rc=0
            /box/SystemdScenarios arm >/run/armed || rc=$?
            [ $rc = 137 ]
            systemctl daemon-reload
            [ "$(systemctl is-active sleeper.service)" = active ]
            until_ '[ -s /run/fenced ]'
            until_ '[ "$(systemctl is-active sleeper.service)" = inactive ]'
            read -r fired _ </run/fenced
            read -r _ due </run/armed
            echo "due at $due ms, fired at $fired s of uptime"
            late=$(( ${fired/./}0 - ${due%.*} ))
            [ $late -ge -10 ]
            [ $late -lt 150 ]
            """)
    }
}
