import TestSupport
import Testing

extension ActingTests {
    @Test func `a fence stops its units at its time though the agent was killed, also one that ignores SIGTERM`() throws
    {
        try expectToPass(
            """
            sleeper plain 'Restart=always'
            printf '[Service]\\nTimeoutStopSec=600\\nRestart=always\\nExecStart=/bin/bash -c "trap \\\\"\\\\" TERM; while :; do sleep 601; done"\\n' | unit deaf.service
            systemctl start plain deaf
            until_ 'pgrep -f "sleep 601"' >/dev/null
            begin=${EPOCHREALTIME/./}
            act arm 1 plain deaf then die
            [ $rc = 137 ]
            active plain
            until_ 'inactive plain'
            plain=$(((${EPOCHREALTIME/./} - begin) / 1000))
            until_ 'inactive deaf && ! pgrep -f "sleep 60[01]"' >/dev/null
            deaf=$(((${EPOCHREALTIME/./} - begin) / 1000))
            echo "measured: a fence armed for 1000 ms had stopped a unit after $plain ms and killed another after $deaf ms"
            [ $plain -ge 990 ]
            [ $plain -lt 1500 ]
            [ $deaf -lt 4000 ]
            until_ '[ "$(fences)" = 0 ]'
            """)
    }

    @Test func `a fence stops its units though the manager was reloaded since, and while it does so`() throws {
        try expectToPass(
            """
            sleeper plain
            sleeper slow 'ExecStop=/bin/sleep 0.5'
            systemctl start plain slow
            act arm 1 slow plain
            systemctl daemon-reload
            active plain
            until_ '[ "$(systemctl is-active slow)" = deactivating ]'
            systemctl daemon-reload
            until_ 'inactive plain && inactive slow && [ "$(fences)" = 0 ]'
            [ -z "$(systemctl list-units --all --plain --no-legend 'spot-fence-*')" ]
            if journalctl -q -b | grep -E 'Unknown key|has no ExecStart'; then exit 1; fi
            """)
    }

    @Test func `a fence that is armed again is one fence, and at no moment none; disarmed it is none`() throws {
        try expectToPass(
            """
            sleeper plain
            systemctl start plain
            act arm 600 plain
            [ "$(fences)" = 1 ]
            # Looks again and again whether there is one.
            (while [ ! -e /run/enough ]; do [ "$(fences)" -ge 1 ] || touch /run/gap; echo x >>/run/looks; done) & looks=$!
            # From another life of the agent each, and several times in one.
            for _ in {1..8}; do act arm 600 plain; [ "$(fences)" = 1 ]; done
            act arm 600 plain then arm 500 plain then arm 400 plain
            touch /run/enough; wait $looks
            [ ! -e /run/gap ]
            [ "$(wc -l </run/looks)" -ge 8 ]
            [ "$(fences)" = 1 ]
            act disarm 5
            says 'done in'
            [ "$(fences)" = 0 ]
            active plain
            act disarm 5
            says 'done in'
            """)
    }

    @Test func `a fence that has begun is not disarmed before it has ended`() throws {
        try expectToPass(
            """
            printf '[Service]\\nTimeoutStopSec=600\\nExecStart=/bin/bash -c "trap \\\\"\\\\" TERM; while :; do sleep 601; done"\\n' | unit deaf.service
            systemctl start deaf
            until_ 'pgrep -f "sleep 601"' >/dev/null
            act arm -1 deaf
            until_ '[ "$(systemctl is-active deaf)" = deactivating ]'
            act disarm 0.5
            [ $rc = 1 ]; says 'late in'; says 'wait for the end of the fence that fired'
            act disarm 10
            says 'done in'
            inactive deaf
            [ -z "$(systemctl list-units --all --plain --no-legend 'spot-fence-*')" ]
            # Nor does the next one count as armed before that: what is started then would be stopped.
            systemctl start deaf
            act arm -1 deaf
            until_ '[ "$(systemctl is-active deaf)" = deactivating ]'
            act arm 600 deaf
            says 'done in'
            inactive deaf; [ "$(fences)" = 1 ]
            act disarm 5
            act arm 5
            [ $rc = 1 ]; says 'no unit is named'
            """)
    }

    @Test func `a program that PID 1 runs proves that the workload serves, or does not`() throws {
        try expectToPass(
            """
            act program 5 /bin/sh -c '[ "$1$2" = "a  b\\$\\$\\${HOME}" ]' sh 'a  b' '$$${HOME}'
            says 'serves in'
            act program 5 /bin/false
            says 'serves not in'; says '/bin/false: it exited with 1'
            act program 1 /bin/sleep 600
            says 'serves not in'; says 'it was killed at the end of its time'
            [ "$(took 'serves not')" -le 1000 ]
            act program 5 /no/such/program
            [ $rc = 1 ]; says 'failed in'; says 'it could not be executed'
            """)
    }

    @Test func `a bus that restarts loses nothing that PID 1 was given`() throws {
        try expectToPass(
            """
            # The box itself hangs on its bus, so the one that dies is a way to it.
            export BUS_ADDRESS=unix:path=/run/proxy.sock
            printf '[Socket]\\nListenStream=/run/proxy.sock\\n' | unit proxy.socket
            printf '[Unit]\\nStartLimitIntervalSec=0\\n[Service]\\nExecStart=/lib/systemd/systemd-socket-proxyd /run/dbus/system_bus_socket\\n' | unit proxy.service
            systemctl start proxy.socket
            hook drain 10-slow <<<'sleep 1.5; touch /run/slow'
            hook drain 20-next <<<'touch /run/next'
            sleeper plain
            (sleep 0.5; systemctl kill -s KILL proxy.service) &
            act hooks drain 8
            says '10-slow done'; says '20-next done'
            wait
            printf '[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nExecStart=/bin/sleep 1.5\\n' | unit slow.service
            (sleep 0.5; systemctl kill -s KILL proxy.service) &
            act start 8 slow plain
            says 'done in'; active plain
            wait
            # Asked while there is none, it waits.
            systemctl stop proxy.socket proxy.service
            (sleep 0.7; systemctl start proxy.socket) &
            act stop 5 plain
            says 'done in'; [ "$(took done)" -ge 500 ]; inactive plain
            wait
            systemctl stop proxy.socket proxy.service
            act inspect 0.6 plain
            [ $rc = 1 ]; says 'unreachable in'; says 'systemctl status dbus'
            [ "$(took unreachable)" -le 650 ]
            """)
    }

    @Test func `while the machine goes down hooks still run, units stop, and a fence is armed`() throws {
        try expectToPass(
            """
            sleeper plain
            systemctl start plain
            hook drain 10-good <<<'exit 0'
            mkdir -p /etc/systemd/system/shutdown.target.d
            printf '[Unit]\\nRefuseManualStart=no\\n' >/etc/systemd/system/shutdown.target.d/test.conf
            systemctl daemon-reload
            systemctl start --job-mode=ignore-dependencies shutdown.target
            [ "$(systemctl is-system-running)" = stopping ]
            act arm 600 plain then hooks drain 5 then stop 5 plain then disarm 5
            [ $rc = 0 ]; says '10-good done'; [ "$(grep -c '^done in' <<<"$said")" = 3 ]
            inactive plain
            """)
    }

    @Test func `with all that the agent's unit forbids it does the same`() throws {
        let systemd = "/" + #filePath.split(separator: "/").dropLast(4).joined(separator: "/") + "/Systemd"
        let (status, said) = try SystemdBox.run(
            Self.prelude + """
                sleeper plain
                hook promote 10-mounts <<<'mkdir -p /mnt/x; mount -t tmpfs none /mnt/x; touch /mnt/x/there'
                mkdir -p /etc/systemd/system/spot-agent.service.d
                cp /box/spot-agent.service /etc/systemd/system/
                cat >/etc/systemd/system/spot-agent.service.d/test.conf <<'U'
                [Service]
                Type=oneshot
                Restart=no
                WatchdogSec=0
                ExecStart=
                ExecStart=/box/ActingScenarios hooks promote 5 then start 5 plain then arm 600 plain then inspect 5 plain then disarm 5 then stop 5 plain
                StandardOutput=file:/run/said
                U
                systemctl daemon-reload
                systemctl start spot-agent || { cat /run/said; exit 1; }
                said=$(cat /run/said); echo "$said"
                says '10-mounts done'; says 'plain.service loaded active'
                [ "$(grep -c '^done in' /run/said)" = 4 ]
                # Seen by all, not only by the agent.
                [ -e /mnt/x/there ]
                inactive plain
                """, copies: [try builtProgram("ActingScenarios"), "\(systemd)/spot-agent.service"], within: 40)
        #expect(status == 0, "\(said)")
    }

    @Test func `the last resort takes the machine down at once`() throws {
        let (status, said) = try SystemdBox.run(
            Self.prelude + "/box/ActingScenarios poweroff 5; sleep 20; exit 3",
            copies: [try builtProgram("ActingScenarios")])
        // The box is gone before its script could end.
        #expect(status == 125 && said.contains("ended before the test script did"), "\(status): \(said)")
    }
}
